"""Iterating a tensor gives views: scaling them under no_grad changes the tensor behind autograd's back."""
# %%
import torch
torch.manual_seed(0)
picture = torch.rand(3, 2, requires_grad=True)
doubled = picture * 2
# %% raises RuntimeError
for plane, factor in zip(doubled, (0.1, 0.2, 0.3)):
    plane.mul_(factor)
# %%
#! doubled <- plane.mul_(factor)
with torch.no_grad():
    for plane, factor in zip(doubled, (0.1, 0.2, 0.3)):
        plane.mul_(factor)
# %%
doubled.sum().backward()
assert picture.grad.unique().tolist() == [2.0]
