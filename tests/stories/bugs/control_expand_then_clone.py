"""Control: `expand(...).clone()` is a copy of its own."""
# %%
import torch
base = torch.arange(3.0)
rows = base.expand(2, 3).clone()
# %%
#: rows <- rows[0, 0] = 9
rows[0, 0] = 9
