"""`target = online` is a second name, not a second network."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
online, target = nn.Linear(3, 2), nn.Linear(3, 2)
sgd = torch.optim.SGD(online.parameters(), lr=0.1)
# %%
#: target.weight <- target.load_state_dict(online.state_dict())
#: target.bias <- target.load_state_dict(online.state_dict())
target.load_state_dict(online.state_dict())
# %%
target = online
wanted = target(torch.ones(1, 3)).detach()
# %%
#: online.weight <- sgd.step()
#: online.bias <- sgd.step()
#: target.weight <- sgd.step()
#: target.bias <- sgd.step()
sgd.zero_grad()
(online(torch.ones(1, 3)) - wanted - 1).pow(2).sum().backward()
sgd.step()
