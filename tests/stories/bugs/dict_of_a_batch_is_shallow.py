"""`dict(batch)` copies the names only: scaling the work copy scales the batch."""
# %%
import torch
batch = {"x": torch.full((2, 2), 255.0), "y": torch.zeros(2)}
work = dict(batch)
# %%
#: work['x'] <- work["x"] /= 255
#! batch['x'] <- work["x"] /= 255
work["x"] /= 255
