"""`clip_grad_norm_` scales the gradients in place, also the one that was kept to be looked at."""
# %%
import torch
weight = torch.nn.Parameter(torch.ones(3))
(weight * 4).sum().backward()
kept = weight.grad
# %%
#:? weight.grad <- torch.nn.utils.clip_grad_norm_([weight], 1.0)
#! kept <- torch.nn.utils.clip_grad_norm_([weight], 1.0)
norm = torch.nn.utils.clip_grad_norm_([weight], 1.0)
