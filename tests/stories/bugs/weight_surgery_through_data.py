"""A `.data` kept in a variable writes into the layer without a trace in the version counter."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
layer = nn.Linear(2, 2)
raw = layer.weight.data
# %%
#: raw <- raw[0] = 0
#! layer.weight <- raw[0] = 0
raw[0] = 0
# %%
#: layer.weight <- layer.weight[1] = 1
#! raw <- layer.weight[1] = 1
with torch.no_grad():
    layer.weight[1] = 1
