"""A kept `.grad` is the gradient itself: `zero_grad(set_to_none=False)` empties it, backward adds to it."""
# %%
import torch
weight = torch.nn.Parameter(torch.ones(3))
sgd = torch.optim.SGD([weight], lr=0.1)
(weight * 2).sum().backward()
kept = weight.grad
# %%
#: weight.grad <- (weight * 3).sum().backward()
#! kept <- (weight * 3).sum().backward()
(weight * 3).sum().backward()
# %%
#: weight.grad <- sgd.zero_grad(set_to_none=False)
#! kept <- sgd.zero_grad(set_to_none=False)
sgd.zero_grad(set_to_none=False)
