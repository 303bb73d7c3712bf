"""`x += self.table` in forward adds the positions to the caller's embeddings, again at every call."""
# %%
import torch
from torch import nn
class Positions(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.linspace(0.5, 1.5, 12).view(3, 4))
    def forward(self, x):
        x += self.table[: x.size(1)]
        return x
positions = Positions()
# %%
tokens = torch.zeros(2, 3, 4)
# %%
#! tokens <- x += self.table[: x.size(1)]
out = positions(tokens)
# %%
#! tokens <- x += self.table[: x.size(1)]
#! out <- x += self.table[: x.size(1)]
again = positions(tokens)
