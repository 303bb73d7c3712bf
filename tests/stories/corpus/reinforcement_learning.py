"""A DQN in miniature: memory of named tuples, an online and a target network, soft updates."""
# %%
import random
from collections import deque, namedtuple
import torch
from torch import nn
torch.manual_seed(0)
random.seed(0)
Transition = namedtuple("Transition", ("state", "action", "following", "reward"))
# %%
class Memory:
    def __init__(self, capacity):
        self.memory = deque([], maxlen=capacity)
    def push(self, *args):
        self.memory.append(Transition(*args))
    def sample(self, size):
        return random.sample(self.memory, size)
    def __len__(self):
        return len(self.memory)
# %%
policy = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
target = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
target.load_state_dict(policy.state_dict())
# %%
optimizer = torch.optim.AdamW(policy.parameters(), lr=1e-2, amsgrad=True)
memory = Memory(50)
# %%
def select(state):
    with torch.no_grad():
        return policy(state).max(1).indices.view(1, 1)

def optimize():
    if len(memory) < 8:
        return
    batch = Transition(*zip(*memory.sample(8)))
    states, actions = torch.cat(batch.state), torch.cat(batch.action)
    guesses = policy(states).gather(1, actions)
    with torch.no_grad():
        wanted = target(torch.cat(batch.following)).max(1).values * 0.9 + torch.cat(batch.reward)
    loss = nn.functional.smooth_l1_loss(guesses, wanted.unsqueeze(1))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_value_(policy.parameters(), 100)
    optimizer.step()
# %%
for episode in range(3):
    state = torch.randn(1, 3)
    for t in range(5):
        action = select(state)
        following = torch.randn(1, 3)
        memory.push(state, action, following, torch.tensor([1.0]))
        state = following
        optimize()
        target_state = target.state_dict()
        policy_state = policy.state_dict()
        for key in policy_state:
            target_state[key] = policy_state[key] * 0.01 + target_state[key] * 0.99
        target.load_state_dict(target_state)
del target_state, policy_state
# %%
for episode in range(2):
    state = torch.randn(1, 3)
    for t in range(5):
        memory.push(state, select(state), torch.randn(1, 3), torch.tensor([0.0]))
        optimize()
# %%
rewards = [t.reward.item() for t in memory.memory]
sum(rewards)
# %%
returns = torch.zeros(5)
running = 0.0
for t in reversed(range(5)):
    running = 1.0 + 0.9 * running
    returns[t] = running
returns = (returns - returns.mean()) / returns.std()
