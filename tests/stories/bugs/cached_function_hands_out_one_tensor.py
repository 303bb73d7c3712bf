"""`lru_cache` hands the same tensor to everyone; the first to write changes it for all."""
# %%
from functools import lru_cache
import torch

@lru_cache
def ramp(n):
    return torch.arange(float(n))
mine, yours = ramp(3), ramp(3)
# %%
#: mine <- mine += 1
#! yours <- mine += 1
mine += 1
