"""`.data` is not a copy and hides the write: the gradient is silently zero."""
# %%
import torch
leaf = torch.tensor([0.5, 1.0, 2.0], requires_grad=True)
act = leaf.sigmoid()
# %%
raw = act.data
# %%
#: raw <- raw.zero_()
#! act <- raw.zero_()
raw.zero_()
# %%
act.sum().backward()
assert leaf.grad.tolist() == [0.0, 0.0, 0.0]
