"""`[layer] * 3` is one layer under three indices."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
stack = nn.ModuleList([nn.Linear(2, 2)] * 3)
# %%
#: stack[0].weight <- nn.init.zeros_(stack[0].weight)
#: stack[1].weight <- nn.init.zeros_(stack[0].weight)
#: stack[2].weight <- nn.init.zeros_(stack[0].weight)
nn.init.zeros_(stack[0].weight)
# %%
#: stack[0].weight <- sgd.step()
#: stack[0].bias <- sgd.step()
#: stack[1].weight <- sgd.step()
#: stack[1].bias <- sgd.step()
#: stack[2].weight <- sgd.step()
#: stack[2].bias <- sgd.step()
sgd = torch.optim.SGD(stack[2].parameters(), lr=0.1)
flow = torch.ones(1, 2)
for layer in stack:
    flow = layer(flow)
flow.sum().backward()
sgd.step()
