"""Writing into part of an expanded tensor raises before it writes."""
# %%
import torch
shift = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
unit = torch.eye(3)
# %%
batch = unit.view(1, 3, 3).expand(2, 3, 3)
# %% raises RuntimeError
batch[:, :2, 2] = shift
