"""`AveragedModel` copies: training leaves it alone, `update_parameters` moves it."""
# %%
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
torch.manual_seed(0)
model = nn.Linear(2, 1, bias=False)
average = AveragedModel(model)
sgd = torch.optim.SGD(model.parameters(), lr=0.5)
# %%
#:? average.n_averaged <- average.update_parameters(model)
average.update_parameters(model)
# %%
#: model.weight <- sgd.step()
model(torch.ones(1, 2)).sum().backward()
sgd.step()
# %%
#:? average.module.weight <- average.update_parameters(model)
#:? average.n_averaged <- average.update_parameters(model)
average.update_parameters(model)
