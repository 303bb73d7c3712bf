"""A loss that maps label 255 to -100 in place changes the labels for everything after it."""
# %%
import torch
from torch import nn
torch.manual_seed(0)

def masked_loss(scores, labels):
    labels[labels == 255] = -100
    return nn.functional.cross_entropy(scores, labels)
# %%
scores, labels = torch.randn(4, 3), torch.tensor([0, 255, 2, 255])
# %%
#! labels <- labels[labels == 255] = -100
loss = masked_loss(scores, labels)
# %%
loss = masked_loss(scores, labels)
