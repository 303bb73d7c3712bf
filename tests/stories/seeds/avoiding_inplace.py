"""`x = x + y` is another tensor under the old name; in-place on a leaf, and a Parameter replaced by a sum, are refused."""

# %%
import torch
from torch import nn

x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
y = torch.tensor([4.0, 5.0, 6.0])
# %% raises RuntimeError
x.add_(y)
# %%
first = x
x = x + y
# %%
x.sum().backward()
assert not x.is_leaf and x.requires_grad  # so the gradient is in the first x, not in this one
assert first.grad.tolist() == [1, 1, 1]
# %% raises RuntimeError
first.mul_(y)
# %%
x = first * y


# %%
class Sum(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2, 2))

    def forward(self, x):
        self.weight = self.weight + x
        return self.weight


model, inputs = Sum(), torch.ones(2, 2)
# %% raises TypeError
output = model(inputs)  # a Parameter cannot be replaced by a plain tensor


# %%
class AddsInPlace(Sum):
    def forward(self, x):
        self.weight.add_(x)
        return self.weight


model = AddsInPlace()
# %% raises RuntimeError
output = model(inputs)  # refused, for the weight is a leaf that requires grad
# %%
#:? model.weight <- self.weight.add_(x)
with torch.no_grad():
    output = model(inputs)


# %%
class AddsBuffer(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(2, 2))

    def forward(self, x):
        self.seen += x
        return x * 2


counter = AddsBuffer()
# %%
#: counter.seen <- self.seen += x
output = counter(inputs)
