"""`contiguous()` and `to()` return the tensor itself where nothing is to be done."""
# %%
import torch
packed = torch.ones(2, 2)
same, typed = packed.contiguous(), packed.to(torch.float32)
# %%
#: same <- same.add_(1)
#! packed <- same.add_(1)
#! typed <- same.add_(1)
same.add_(1)
