"""`[torch.zeros(...)] * 3` is one tensor three times, until a slot is assigned anew."""
# %%
import torch
state = [torch.zeros(2, 2)] * 3
# %%
#: state[0] <- state[0][0] = 1.0
#! state[1] <- state[0][0] = 1.0
#! state[2] <- state[0][0] = 1.0
state[0][0] = 1.0
# %%
#! state[0] <- state[2].add_(10)
#: state[2] <- state[2].add_(10)
state[1] = state[1] + 5
state[2].add_(10)
