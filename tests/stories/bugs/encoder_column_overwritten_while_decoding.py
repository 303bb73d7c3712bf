"""Overwriting a column that attention saved makes backward refuse."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
encoder, query = nn.Linear(2, 4), torch.randn(1, 1, 4, requires_grad=True)
# %%
memory = (encoder(torch.randn(1, 5, 2)),)
# %%
attention = torch.softmax(query @ memory[0].transpose(1, 2), -1)
# %%
#: memory[0] <- memory[0][:, :, column] = memory[0][:, :, column] * 0.5
column = 1
memory[0][:, :, column] = memory[0][:, :, column] * 0.5
# %% raises RuntimeError
(attention @ memory[0]).sum().backward()
