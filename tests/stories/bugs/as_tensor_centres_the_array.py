"""`torch.as_tensor(array)` shares the array: centring the tensor centres the array."""
# %%
import numpy as np
import torch
table = np.arange(6.0).reshape(3, 2)
values = torch.as_tensor(table)
# %%
#: values <- values.sub_(values.mean(0))
#! table <- values.sub_(values.mean(0))
values.sub_(values.mean(0))
# %%
copied = torch.tensor(table)
# %%
#: copied <- copied.zero_()
copied.zero_()
