"""One BatchNorm in two networks: training the student moves the teacher's running statistics."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
student = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
teacher = nn.Sequential(nn.Linear(2, 3), student[1])
# %%
#: student[1].running_mean <- guess = student(torch.randn(8, 2))
#: student[1].running_var <- guess = student(torch.randn(8, 2))
#: student[1].num_batches_tracked <- guess = student(torch.randn(8, 2))
#! teacher[1].running_mean <- guess = student(torch.randn(8, 2))
#! teacher[1].running_var <- guess = student(torch.randn(8, 2))
#! teacher[1].num_batches_tracked <- guess = student(torch.randn(8, 2))
guess = student(torch.randn(8, 2))
