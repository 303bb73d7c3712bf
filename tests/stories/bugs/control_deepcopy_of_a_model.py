"""Control: `copy.deepcopy(model)` stays behind."""
# %%
import copy
import torch
from torch import nn
torch.manual_seed(0)
net = nn.Linear(2, 1)
before = copy.deepcopy(net)
snapshot = copy.deepcopy(net.state_dict())
sgd = torch.optim.SGD(net.parameters(), lr=0.5)
# %%
#: net.weight <- sgd.step()
#: net.bias <- sgd.step()
net(torch.ones(1, 2)).sum().backward()
sgd.step()
