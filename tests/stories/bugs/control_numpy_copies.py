"""Control: `np.array`, `torch.tensor` and `clone` copy."""
# %%
import numpy as np
import torch
source = torch.ones(3)
one, two, three = np.array(source), torch.tensor(source.tolist()), source.clone()
# %%
#: one <- one += 1
#: two <- two.zero_()
#: three <- three[0] = 7
one += 1
two.zero_()
three[0] = 7
