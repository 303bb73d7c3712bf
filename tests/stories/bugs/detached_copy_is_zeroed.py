"""`detach()` is not a copy: zeroing it overwrites an activation that backward needs, and backward refuses."""
# %%
import torch
leaf = torch.tensor([0.5, 1.0, 2.0], requires_grad=True)
act = leaf.sigmoid()
# %%
plain = act.detach()
# %%
#: plain <- plain.zero_()
#! act <- plain.zero_()
plain.zero_()
# %% raises RuntimeError
act.sum().backward()
