"""A dataset that normalises in place a tensor over its own array normalises again in every epoch."""
# %%
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
pictures = np.random.default_rng(0).normal(4, 2, size=(6, 3)).astype(np.float32)
# %%
class Pictures(Dataset):
    def __init__(self, rows):
        self.rows = rows
    def __len__(self):
        return len(self.rows)
    def __getitem__(self, i):
        row = torch.from_numpy(self.rows[i])
        row.sub_(4.0).div_(2.0)
        return row
data = Pictures(pictures)
# %%
#! pictures <- row.sub_(4.0).div_(2.0)
#! data.rows <- row.sub_(4.0).div_(2.0)
mean_1 = torch.cat([b.flatten() for b in DataLoader(data, batch_size=3)]).mean().item()
# %%
#! pictures <- row.sub_(4.0).div_(2.0)
#! data.rows <- row.sub_(4.0).div_(2.0)
mean_2 = torch.cat([b.flatten() for b in DataLoader(data, batch_size=3)]).mean().item()
assert abs(mean_1) < 1 and mean_2 < -1
