"""A helper that sorts the array under a tensor reorders the tensor."""
# %%
import torch

def middle(values):
    column = values.numpy()
    column.sort()
    return float(column[len(column) // 2])
scores = torch.tensor([3.0, 1.0, 2.0])
# %%
#! scores <- column.sort()
half = middle(scores)
