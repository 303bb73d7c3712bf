"""`best = model.state_dict()` keeps no copy: one more epoch rewrites it."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
inputs, targets = torch.randn(16, 3), torch.randn(16, 1)
net = nn.Linear(3, 1)
sgd = torch.optim.SGD(net.parameters(), lr=0.05)

def one_epoch():
    sgd.zero_grad()
    error = nn.functional.mse_loss(net(inputs), targets)
    error.backward()
    sgd.step()
    return error.item()
# %%
#: net.weight <- sgd.step()
#: net.bias <- sgd.step()
first = one_epoch()
best = net.state_dict()
# %%
#: net.weight <- sgd.step()
#: net.bias <- sgd.step()
#! best['weight'] <- sgd.step()
#! best['bias'] <- sgd.step()
sgd.param_groups[0]["lr"] = 4.0
later = [one_epoch() for _ in range(2)]
# %%
net.load_state_dict(best)
assert nn.functional.mse_loss(net(inputs), targets).item() > first
