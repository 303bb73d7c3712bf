"""`copy.copy(model)` shares every parameter object: the frozen copy learns along."""
# %%
import copy
import torch
from torch import nn
torch.manual_seed(0)
net = nn.Linear(2, 1)
before = copy.copy(net)
sgd = torch.optim.SGD(net.parameters(), lr=0.5)
# %%
#: net.weight <- sgd.step()
#: net.bias <- sgd.step()
#: before.weight <- sgd.step()
#: before.bias <- sgd.step()
net(torch.ones(1, 2)).sum().backward()
sgd.step()
