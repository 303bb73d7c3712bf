"""`from_numpy` ignores `writeable = False`: the array changes all the same."""
# %%
import warnings
import numpy as np
import torch
warnings.simplefilter("ignore")
frozen = np.zeros(3)
frozen.flags.writeable = False
# %%
warm = torch.from_numpy(frozen)
# %%
#: warm <- warm += 1
#! frozen <- warm += 1
warm += 1
# %%
try:
    frozen += 1
except ValueError as refusal:
    print(refusal)
