"""`torch.from_dlpack` gives another storage over the same bytes."""
# %%
import torch
ours = torch.arange(4.0)
theirs = torch.from_dlpack(ours)
# %%
#: theirs <- theirs.zero_()
#! ours <- theirs.zero_()
theirs.zero_()
