"""Control: assigning to the loop variable copies no weight; `.data.copy_` does, and it is a parameter update."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
student, teacher = nn.Linear(2, 2), nn.Linear(2, 2)
# %%
for mine, theirs in zip(student.parameters(), teacher.parameters()):
    mine = theirs
# %%
#: student.weight <- mine.data.copy_(theirs.data)
#: student.bias <- mine.data.copy_(theirs.data)
for mine, theirs in zip(student.parameters(), teacher.parameters()):
    mine.data.copy_(theirs.data)
