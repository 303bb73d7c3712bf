"""Forgetting `eval()` moves the running statistics: reported with its cause, but a module's own doing."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
held_out = torch.randn(6, 2)
# %%
#: net[1].running_mean <- score = net(held_out).mean()
#: net[1].running_var <- score = net(held_out).mean()
#: net[1].num_batches_tracked <- score = net(held_out).mean()
with torch.no_grad():
    score = net(held_out).mean()
# %%
net.eval()
score = net(held_out).mean()
