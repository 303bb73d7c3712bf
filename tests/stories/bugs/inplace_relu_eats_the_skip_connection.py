"""A residual branch that starts with ReLU(inplace=True) changes the very input that the skip connection adds."""
# %%
import torch
from torch import nn
torch.manual_seed(1)
class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.branch = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(width, width))
    def forward(self, features):
        answer = self.branch(features)
        answer += features
        return answer
residual, lift = Residual(4), nn.Linear(2, 4)
# %%
hidden = lift(torch.randn(3, 2))
# %%
#! hidden <- answer = self.branch(features)
out = residual(hidden)
# %%
assert (hidden >= 0).all()
out.sum().backward()
