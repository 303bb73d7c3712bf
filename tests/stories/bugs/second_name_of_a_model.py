"""`other = model` resets both, for there is one model; parameters written under another name are a parameter update."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
model = nn.Linear(2, 1)
other = model
# %%
#: model.weight <- p.data.zero_()
#: model.bias <- p.data.zero_()
#: other.weight <- p.data.zero_()
#: other.bias <- p.data.zero_()
for p in other.parameters():
    p.data.zero_()
