"""A transform applied to `dict.values()` of views changes the array they were cut from."""
# %%
import numpy as np
import torch
frame = np.ones((2, 4), dtype=np.float32)
parts = {"left": torch.from_numpy(frame[:, :2]), "right": torch.from_numpy(frame[:, 2:])}

def brighten(part):
    return part.mul_(2)
# %%
#! frame <- return part.mul_(2)
#! parts['left'] <- return part.mul_(2)
bright = brighten(parts["left"])
