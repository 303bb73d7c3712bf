"""Indexing with a list copies, so a second index writes into a temporary; indexing with numbers does not."""
# %%
import torch
grid = torch.zeros(3, 3)
# %%
grid[[0, 1]][0] = 5
# %%
#: grid <- grid[0][1] = 5
grid[0][1] = 5
