"""Control: `torch.where` makes a tensor of its own."""
# %%
import torch
values = torch.tensor([-1.0, 2.0])
kept = torch.where(values > 0, values, 0.0)
# %%
#: kept <- kept.add_(1)
kept.add_(1)
