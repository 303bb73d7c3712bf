"""A new layer built around the old weight's `.data` trains the old layer too."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
old, new = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
new.weight = nn.Parameter(old.weight.data)
sgd = torch.optim.SGD(new.parameters(), lr=0.5)
# %%
#: new.weight <- sgd.step()
#! old.weight <- sgd.step()
new(torch.ones(1, 2)).sum().backward()
sgd.step()
