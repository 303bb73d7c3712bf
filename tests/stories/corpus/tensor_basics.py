"""First steps: making, indexing, reshaping and combining tensors."""
# %%
import numpy as np
import torch
# %%
numbers = torch.arange(12)
numbers.shape, numbers.numel(), numbers.dtype
# %%
table = numbers.reshape(3, 4)
table
# %%
zeros, ones, noise = torch.zeros(2, 3, 4), torch.ones(2, 3), torch.randn(3, 4)
# %%
table[-1], table[1:3], table[:, 1]
# %%
#! numbers <- table[1, 2] = 17
table[1, 2] = 17
table
# %%
#! numbers <- table[:2, :] = 12
table[:2, :] = 12
# %%
a, b = torch.tensor([1.0, 2, 4, 8]), torch.tensor([2.0, 2, 2, 2])
a + b, a - b, a * b, a / b, a**b
# %%
left = torch.arange(12, dtype=torch.float32).reshape(3, 4)
right = torch.tensor([[2.0, 1, 4, 3], [1, 2, 3, 4], [4, 3, 2, 1]])
torch.cat((left, right), dim=0), torch.cat((left, right), dim=1)
# %%
left == right
left.sum()
# %%
column, row = torch.arange(3).reshape(3, 1), torch.arange(2).reshape(1, 2)
column + row
# %%
before = id(right)
right = right + left
id(right) == before
# %%
held = torch.zeros_like(right)
held[:] = left + right
# %%
before = id(left)
left += right
id(left) == before
# %%
array = left.numpy()
back = torch.tensor(array)
type(array), type(back)
# %%
single = torch.tensor([3.5])
single, single.item(), float(single), int(single)
# %%
mask = right > 10
right[mask]
# %%
stacked = torch.stack([left, right])
stacked.mean(dim=0), stacked.std(), stacked.argmax(-1)
