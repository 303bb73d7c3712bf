"""Ordinary cells with a surprise in them: the only ones of the corpus that print a line."""
# %%
import numpy as np
import torch
from torch import nn
torch.manual_seed(0)
array = np.ones(5)
tensor = torch.from_numpy(array)
# %%
#! tensor <- np.add(array, 1, out=array)
np.add(array, 1, out=array)
# %%
grid = torch.ones(4, 4)
corner = grid[:2, :2]
# %%
#! corner <- grid[0, 0] = 5
grid[0, 0] = 5
# %%
copy = grid
copy = copy + 1
# %%
model = nn.Linear(2, 1)
first_weights = model.weight.data
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
# %%
#! first_weights <- optimizer.step()
loss = model(torch.ones(1, 2)).sum()
loss.backward()
optimizer.step()
# %%
del corner, first_weights
grid[0, 1] = 6
# %%
optimizer.zero_grad()
loss = model(torch.ones(1, 2)).sum()
loss.backward()
optimizer.step()
