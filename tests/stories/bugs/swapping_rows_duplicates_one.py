"""`x[0], x[1] = x[1], x[0]` loses a row, for both sides are views."""
# %%
import torch
pair = torch.tensor([[1.0, 1.0], [2.0, 2.0]])
upper = pair[0]
# %%
#: pair <- pair[0], pair[1] = pair[1], pair[0]
#! upper <- pair[0], pair[1] = pair[1], pair[0]
pair[0], pair[1] = pair[1], pair[0]
assert pair[0].tolist() == pair[1].tolist()
