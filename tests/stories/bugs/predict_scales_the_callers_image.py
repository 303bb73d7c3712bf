"""`from_numpy` plus an in-place division inside `predict` rewrites the caller's array; the second call answers otherwise."""
# %%
import numpy as np
import torch
photo = np.linspace(0, 200, 8, dtype=np.float32).reshape(2, 4)
weights = torch.arange(8.0).view(2, 4)
# %%
def predict(image):
    pixels = torch.from_numpy(image)
    pixels /= 255.0
    return float((pixels * weights).sum())
# %%
#! photo <- pixels /= 255.0
once = predict(photo)
# %%
#! photo <- pixels /= 255.0
twice = predict(photo)
assert once != twice
