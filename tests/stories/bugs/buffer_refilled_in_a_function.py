"""A function refills one global buffer; the second fill writes the same numbers and still breaks backward."""
# %%
import torch
rate = torch.full((1,), 0.5, requires_grad=True)
slot = torch.randn(1)
total = 0
# %%
def accumulate(so_far):
    slot.detach_()
    slot.copy_(torch.exp(rate))
    return so_far + (slot * slot).sum()
# %%
#! slot <- slot.copy_(torch.exp(rate))
total = accumulate(total)
# %%
total = accumulate(total * 1)
# %% raises RuntimeError
total.backward()
