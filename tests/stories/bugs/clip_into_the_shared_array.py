"""`np.clip(..., out=array)` names the array; the tensor over it is not named."""
# %%
import numpy as np
import torch
array = np.array([-1.0, 0.5, 2.0])
tensor = torch.from_numpy(array)
# %%
#: array <- np.clip(array, 0, 1, out=array)
#! tensor <- np.clip(array, 0, 1, out=array)
np.clip(array, 0, 1, out=array)
