"""Data by hand: arrays, standardising, splitting, one-hot labels, batches in dicts, collate functions."""
# %%
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
rng = np.random.default_rng(0)
# %%
raw = rng.normal(10, 3, size=(30, 4))
raw[3, 2] = np.nan
# %%
missing = np.isnan(raw)
raw[missing] = np.nanmean(raw)
# %%
mean, std = raw.mean(0), raw.std(0)
scaled = (raw - mean) / std
# %%
X = torch.tensor(scaled, dtype=torch.float32)
y = torch.from_numpy(rng.integers(0, 3, size=30))
# %%
order = torch.randperm(30)
train, test = order[:24], order[24:]
X_train, y_train, X_test, y_test = X[train], y[train], X[test], y[test]
# %%
one_hot = torch.zeros(24, 3)
one_hot.scatter_(1, y_train.unsqueeze(1), 1.0)
# %%
one_hot = torch.nn.functional.one_hot(y_train, 3).float()
# %%
series = np.sin(np.linspace(0, 6, 40))
windows = np.stack([series[i : i + 5] for i in range(35)])
following = series[5:]
# %%
class Windows(Dataset):
    def __init__(self, windows, following):
        self.windows = torch.tensor(windows)
        self.following = torch.tensor(following)
    def __len__(self):
        return len(self.windows)
    def __getitem__(self, i):
        return {"x": self.windows[i], "y": self.following[i]}
data = Windows(windows, following)
# %%
loader = DataLoader(data, batch_size=7, shuffle=True, generator=torch.Generator().manual_seed(0))
batch = next(iter(loader))
{k: v.shape for k, v in batch.items()}
# %%
batch = {k: v.to(torch.float32) for k, v in batch.items()}
batch["x"] = (batch["x"] - batch["x"].mean()) / batch["x"].std()
# %%
def collate(items):
    longest = max(len(i) for i in items)
    out = torch.zeros(len(items), longest)
    for row, item in enumerate(items):
        out[row, : len(item)] = item
    return out
ragged = [torch.ones(n) for n in (2, 4, 3)]
padded = collate(ragged)
# %%
means = []
for batch in loader:
    means.append(batch["x"].mean())
torch.stack(means).mean()
# %%
image = rng.integers(0, 255, size=(4, 6, 3), dtype=np.uint8)
pixels = torch.from_numpy(image.transpose(2, 0, 1)).float() / 255
flipped, cropped = pixels.flip(-1), pixels[:, 1:3, 1:4]
# %%
counts = np.zeros(3, dtype=int)
for label in y.tolist():
    counts[label] += 1
counts
