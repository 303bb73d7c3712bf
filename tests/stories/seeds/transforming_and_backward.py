"""Reshape and slices are views, not new memory; in-place writes to a leaf are refused rather than wrong."""

# %%
import torch

x = torch.randn(2, 3, requires_grad=True)
y = x.reshape(3, 2)
assert y._base is x  # reshape made a view
# %%
y.sum().backward()
assert x.grad.unique().tolist() == [1]
# %% raises AttributeError
x.reshape_(3, 2)  # there is no such method
# %%
base = torch.arange(6.0)
shaped = base.reshape(2, 3)
# %%
#: shaped <- shaped[0, 0] = 9
#! base <- shaped[0, 0] = 9
shaped[0, 0] = 9
# %%
x = torch.randn(4, 4, requires_grad=True)
y = x[:2, :2]
y.sum().backward()
assert x.grad.sum() == 4
# %% raises RuntimeError
x[:2, :2] = torch.zeros(2, 2)  # a write into a slice of a leaf is refused
# %% raises RuntimeError
y.zero_()  # through the view too
# %%
grid = torch.ones(4, 4)
corner = grid[:2, :2]
# %%
#: grid <- grid[:2, :2] = torch.zeros(2, 2)
#! corner <- grid[:2, :2] = torch.zeros(2, 2)
grid[:2, :2] = torch.zeros(2, 2)
# %%
x = torch.zeros(3, requires_grad=True)
y = torch.exp(x)
y.sum().backward()
# %% raises RuntimeError
x.exp_()  # refused on a leaf
# %%
leaf = torch.zeros(3, requires_grad=True)
hidden = leaf * 1
# %%
#: hidden <- hidden.exp_()
hidden.exp_()  # no leaf: recorded, and the gradient is right
hidden.sum().backward()
assert leaf.grad.tolist() == [1, 1, 1]
