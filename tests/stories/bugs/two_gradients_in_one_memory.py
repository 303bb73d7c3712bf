"""The gradients of two flattened leaves can be one memory: scaling one scales the other."""
# %%
import torch
left, right = torch.ones(2, 2, requires_grad=True), torch.ones(2, 2, requires_grad=True)
(left.view(-1) + right.view(-1)).pow(2).sum().backward()
# %%
#: right.grad <- right.grad.mul_(10)
#! left.grad <- right.grad.mul_(10)
right.grad.mul_(10)
