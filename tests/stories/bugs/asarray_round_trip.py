"""`np.asarray(tensor)` shares the tensor, and the version counter sees nothing of what NumPy writes."""
# %%
import numpy as np
import torch
signal = torch.ones(4)
wave = np.asarray(signal)
back = torch.from_numpy(wave)
# %%
#: wave <- wave *= 3
#! signal <- wave *= 3
#! back <- wave *= 3
wave *= 3
