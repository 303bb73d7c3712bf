"""Shuffling `order.numpy()` shuffles the tensor, whose version counter sees nothing."""
# %%
import numpy as np
import torch
order = torch.arange(20)
ids = order.numpy()
# %%
#:? ids <- np.random.default_rng(3).shuffle(ids)
#! order <- np.random.default_rng(3).shuffle(ids)
np.random.default_rng(3).shuffle(ids)
