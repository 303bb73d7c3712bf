"""An indexed write that raises at the last index has written the ones before."""
# %%
import torch
bins = torch.zeros(3)
view = bins[:2]
# %% raises IndexError
#: bins <- bins[[0, 1, 99]] = torch.ones(3)
#! view <- bins[[0, 1, 99]] = torch.ones(3)
bins[[0, 1, 99]] = torch.ones(3)
