"""An expanded tensor shows every write to its base in all its rows."""
# %%
import torch
base = torch.arange(3.0)
rows = base.expand(2, 3)
# %%
#: base <- base[0] = 9
#! rows <- base[0] = 9
base[0] = 9
