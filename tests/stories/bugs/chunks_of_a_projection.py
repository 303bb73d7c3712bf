"""Scaling the query chunk scales the projection; key and value share the storage but not a byte."""
# %%
import torch
projected = torch.ones(2, 6)
query, key, value = projected.chunk(3, -1)
# %%
#: query <- query.mul_(0.5)
#! projected <- query.mul_(0.5)
query.mul_(0.5)
