"""Adding one to all sliding windows adds up to three to an element."""
# %%
import torch
series = torch.zeros(6)
windows = series.unfold(0, 3, 1)
# %%
#: windows <- windows.add_(1)
#! series <- windows.add_(1)
windows.add_(1)
assert series.tolist() == [1, 2, 3, 3, 2, 1]
