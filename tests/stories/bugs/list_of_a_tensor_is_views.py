"""`list(x)` is a list of views."""
# %%
import torch
table = torch.ones(3, 2)
rows = list(table)
# %%
#: rows[1] <- rows[1].zero_()
#! table <- rows[1].zero_()
rows[1].zero_()
