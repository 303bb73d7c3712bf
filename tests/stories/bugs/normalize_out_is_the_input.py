"""`F.normalize(x, out=x)` inside a helper normalises the caller's features."""
# %%
import torch
from torch.nn import functional as F

def direction(x):
    return F.normalize(x, dim=1, out=x)
features = torch.arange(1.0, 7.0).view(2, 3)
first = features[0]
# %%
#! features <- return F.normalize(x, dim=1, out=x)
#! first <- return F.normalize(x, dim=1, out=x)
unit = direction(features)
# %%
#: features <- torch.mul(features, 2, out=features)
#! first <- torch.mul(features, 2, out=features)
#! unit <- torch.mul(features, 2, out=features)
torch.mul(features, 2, out=features)
