"""An optimizer's `state_dict()` shares the momentum buffers with it: a checkpoint kept in memory moves on."""
# %%
import torch
weight = torch.nn.Parameter(torch.ones(2))
sgd = torch.optim.SGD([weight], lr=0.1, momentum=0.9)

def train():
    sgd.zero_grad()
    (weight**2).sum().backward()
    sgd.step()
# %%
#: weight <- sgd.step()
train()
kept = {"optimizer": sgd.state_dict()}
# %%
#: weight <- sgd.step()
#! kept['optimizer']['state'][0]['momentum_buffer'] <- sgd.step()
train()
