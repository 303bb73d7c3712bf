"""Stepping the critic between two backward passes changes weights that the second one saved; it refuses."""
# %%
import torch
from torch import nn
torch.manual_seed(0)
maker, critic = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1), nn.Sigmoid())
step_critic = torch.optim.SGD(critic.parameters(), lr=0.1)
# %%
made = critic(maker(torch.randn(5, 2)))
critic_loss = -torch.log(critic(torch.randn(5, 3))).mean() - torch.log(1 - made).mean()
maker_loss = torch.log(1 - made).mean()
# %%
#: critic[0].weight <- step_critic.step()
#: critic[0].bias <- step_critic.step()
#: critic[2].weight <- step_critic.step()
#: critic[2].bias <- step_critic.step()
step_critic.zero_grad()
critic_loss.backward(retain_graph=True)
step_critic.step()
# %% raises RuntimeError
maker_loss.backward()
