"""Control: a mask makes a copy, so writing into it is lost; a slice makes a view, so a masked write into it lands."""
# %%
import torch
grid = torch.zeros(4, 3, 2)
chosen = torch.arange(12).view(4, 3) % 2 == 0
# %%
grid[chosen][:, 0] = 1
# %%
#: grid <- grid[:, :1][chosen[:, :1]] = 7
grid[:, :1][chosen[:, :1]] = 7
