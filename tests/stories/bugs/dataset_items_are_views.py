"""An item of a TensorDataset is a view: augmenting it in place augments the data set."""
# %%
import torch
from torch.utils.data import TensorDataset
images = torch.ones(3, 2)
data = TensorDataset(images)
(item,) = data[0]
# %%
#: item <- item.mul_(0.5)
#! images <- item.mul_(0.5)
#! data.tensors[0] <- item.mul_(0.5)
item.mul_(0.5)
