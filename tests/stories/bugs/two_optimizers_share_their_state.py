"""`b.load_state_dict(a.state_dict())` gives both optimizers the same momentum tensors."""
# %%
import torch
here, there = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
first = torch.optim.SGD([here], lr=0.1, momentum=0.9)
second = torch.optim.SGD([there], lr=0.1, momentum=0.9)
# %%
#: here <- first.step()
(here * 3).sum().backward()
first.step()
momentum = first.state[here]["momentum_buffer"]
# %%
second.load_state_dict(first.state_dict())
(there * 5).sum().backward()
# %%
#: there <- second.step()
#! momentum <- second.step()
second.step()
