"""A state dict holds the running statistics by reference too: validation in train mode changes the checkpoint."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
net = nn.Sequential(nn.BatchNorm1d(2))
checkpoint = net.state_dict()
# %%
#: net[0].running_mean <- seen = net(torch.randn(4, 2) + 3)
#: net[0].running_var <- seen = net(torch.randn(4, 2) + 3)
#: net[0].num_batches_tracked <- seen = net(torch.randn(4, 2) + 3)
#! checkpoint['0.running_mean'] <- seen = net(torch.randn(4, 2) + 3)
#! checkpoint['0.running_var'] <- seen = net(torch.randn(4, 2) + 3)
#! checkpoint['0.num_batches_tracked'] <- seen = net(torch.randn(4, 2) + 3)
with torch.no_grad():
    seen = net(torch.randn(4, 2) + 3)
