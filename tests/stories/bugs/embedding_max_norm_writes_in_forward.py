"""`Embedding(max_norm=...)` renormalises the looked-up rows in place, in forward; a product saved before then fails."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
table = nn.Embedding(4, 6, max_norm=1.0)
mix = torch.randn(3, 6, requires_grad=True)
picks = torch.tensor([0, 2])
# %%
whole = table.weight @ mix.t()
# %%
#! table.weight <- some = table(picks) @ mix.t()
some = table(picks) @ mix.t()
# %% raises RuntimeError
(whole.sum() + some.sum()).sigmoid().backward()
