"""`a = b = torch.zeros(...)` is one tensor; `a += 1` keeps it so, `a = a + 1` does not."""
# %%
import torch
losses = accuracies = torch.zeros(3)
# %%
#: losses <- losses += 1
#! accuracies <- losses += 1
losses += 1
# %%
losses = losses + 1
