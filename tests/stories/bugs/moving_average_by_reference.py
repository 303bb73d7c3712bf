"""An average that starts as the state dict itself writes into the model."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
net = nn.Linear(2, 2, bias=False)
average = dict(net.state_dict())
sgd = torch.optim.SGD(net.parameters(), lr=0.5)
# %%
#: net.weight <- sgd.step()
#! average['weight'] <- sgd.step()
net(torch.ones(1, 2)).sum().backward()
sgd.step()
# %%
#: average['weight'] <- average[key].mul_(0.5)
#! net.weight <- average[key].mul_(0.5)
for key in average:
    average[key].mul_(0.5)
