"""`reshape` is a view where it can be and a copy where it must."""
# %%
import torch
square = torch.arange(1.0, 5.0).view(2, 2)
flat, turned = square.reshape(-1), square.t().reshape(-1)
# %%
#: turned <- turned.zero_()
turned.zero_()
# %%
#: flat <- flat.zero_()
#! square <- flat.zero_()
flat.zero_()
