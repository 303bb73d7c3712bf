"""Measure whole cells with and without us, turn by turn in one process: `python -m benchmarks.cells`.

A person waits for as long as the clock tells; the processor's time tells the same where other work shares the machine.
"""

from __future__ import annotations

import contextlib
import gc
import io
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from benchmarks.shell import open_shell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

MODEL = """
import torch
from torch import nn
torch.manual_seed(0)
layer = nn.TransformerEncoderLayer(64, 4, 256, batch_first=True)
model = nn.Sequential(nn.Embedding(1000, 64), nn.TransformerEncoder(layer, {depth}), nn.Linear(64, 1000))
opt = torch.optim.AdamW(model.parameters())
tokens = torch.randint(0, 1000, (4, 16))
def step():
    opt.zero_grad()
    loss = nn.functional.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten())
    loss.backward()
    opt.step()
    return loss
loss = step()
"""
_ACTOR_CRITIC = '''
import numpy as np
import torch
from torch import nn

class Pole:
    """A pole on a cart, by Euler's method."""
    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.reset()
    def reset(self):
        self.state = self.random.uniform(-0.05, 0.05, 4)
        self.steps = 0
        return self.state.copy()
    def step(self, action):
        place, speed, angle, turn = self.state
        force = 10.0 if action == 1 else -10.0
        push = (force + 0.05 * turn ** 2 * np.sin(angle)) / 1.1
        bend = (9.8 * np.sin(angle) - np.cos(angle) * push) / (0.5 * (4 / 3 - 0.1 * np.cos(angle) ** 2 / 1.1))
        pull = push - 0.05 * bend * np.cos(angle) / 1.1
        self.state += 0.02 * np.array([speed, pull, turn, bend])
        self.steps += 1
        done = abs(self.state[0]) > 2.4 or abs(self.state[2]) > 0.21 or self.steps >= 200
        return self.state.copy(), 1.0, done

class Environments:
    def __init__(self, count):
        self.envs = [Pole(seed) for seed in range(count)]
        self.obs = np.stack([env.reset() for env in self.envs])
    def step(self, actions):
        rewards, dones = np.zeros(len(self.envs), np.float32), np.zeros(len(self.envs), np.float32)
        for i, (env, action) in enumerate(zip(self.envs, actions)):
            self.obs[i], rewards[i], dones[i] = env.step(action)
            if dones[i]:
                self.obs[i] = env.reset()
        return self.obs, rewards, dones

class ActorCritic(nn.Module):
    def __init__(self, inputs, actions, hidden=64):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.actor, self.critic = nn.Linear(hidden, actions), nn.Linear(hidden, 1)
    def forward(self, x):
        features = self.body(x)
        return torch.distributions.Categorical(logits=self.actor(features)), self.critic(features).squeeze(-1)

def compute_returns(following, rewards, masks, gamma=0.99):
    returns, running = [], following
    for reward, mask in zip(reversed(rewards), reversed(masks)):
        running = reward + gamma * running * mask
        returns.insert(0, running)
    return torch.stack(returns)

torch.manual_seed(0)
envs = Environments(4)
policy = ActorCritic(4, 2)
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-3)
history, obs = [], torch.as_tensor(envs.obs, dtype=torch.float32)
'''
_EPISODES = """
for update in range({updates}):
    log_probs, values, rewards, masks, entropy = [], [], [], [], 0.0
    for t in range(5):
        dist, value = policy(obs)
        action = dist.sample()
        following, reward, done = envs.step(action.numpy())
        log_probs.append(dist.log_prob(action))
        values.append(value)
        rewards.append(torch.from_numpy(reward))
        masks.append(torch.from_numpy(1 - done))
        entropy = entropy + dist.entropy().mean()
        obs = torch.as_tensor(following, dtype=torch.float32)
    with torch.no_grad():
        _, last = policy(obs)
    returns = compute_returns(last, rewards, masks)
    log_probs, values = torch.stack(log_probs), torch.stack(values)
    advantage = returns - values
    loss = -(log_probs * advantage.detach()).mean() + 0.5 * advantage.pow(2).mean() - 0.001 * entropy
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
    optimizer.step()
    history.append(loss.item())
"""
_NORMS = """
import torch
from torch import nn
torch.manual_seed(0)
inputs = torch.randn(64, 10)
labels = (inputs.sum(1) > 0).long()
batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(inputs, labels), batch_size=32)
blocks = [part for _ in range(20) for part in (nn.Linear(32, 32), nn.BatchNorm1d(32), nn.ReLU())]
model = nn.Sequential(nn.Linear(10, 32), *blocks, nn.Linear(32, 2))
opt, loss_fn, history = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss(), []
"""
_EPOCHS = """
for epoch in range(3):
    model.train()
    total = 0.0
    for x, y in batches:
        opt.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        opt.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        accuracy = (model(inputs).argmax(1) == labels).float().mean().item()
    history.append((total, accuracy))
"""
_SHORT = """
import torch
from torch import nn
torch.manual_seed(0);
# %%
x = torch.linspace(-1, 1, 100).unsqueeze(1)
y = x.pow(2) + 0.1 * torch.randn(x.size())
# %%
x.shape, y.shape
# %%
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(1, 20)
        self.out = nn.Linear(20, 1)
    def forward(self, x):
        return self.out(torch.relu(self.hidden(x)))
# %%
net = Net()
print(net)
# %%
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
loss_fn = nn.MSELoss()
# %%
for t in range(20):
    prediction = net(x)
    loss = loss_fn(prediction, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
# %%
loss.item()
# %%
with torch.no_grad():
    error = (net(x) - y).abs().mean()
error
# %%
a = torch.arange(12.).view(3, 4)
b = a.t()
c = a[1]
# %%
a.sum(), b.mean(), c.max()
# %%
a[0, 0] = 5
b
# %%
parameters = sum(p.numel() for p in net.parameters())
parameters
# %%
state = {name: value.clone() for name, value in net.state_dict().items()}
# %%
net.load_state_dict(state)
# %%
[tuple(p.shape) for p in net.parameters()]
# %%
d = torch.cat([a, a * 2])
d.mean(0)
# %%
scores = torch.softmax(d, dim=1)
scores.argmax(1)
# %%
words = 'to be or not to be'.split()
index = {word: i for i, word in enumerate(dict.fromkeys(words))}
# %%
torch.tensor([index[word] for word in words])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Cells of which the `timed` are compared; the others only come before."""

    name: str
    before: tuple[str, ...] = ()
    timed: tuple[str, ...]
    repeats: int = 5


SCENARIOS = (
    Scenario(
        name="one training step a cell, 148 parameters",
        before=(MODEL.format(depth=12),),
        timed=("loss = step()",),
        repeats=9,
    ),
    Scenario(
        name="twenty training steps in a cell, small model",
        before=(MODEL.format(depth=2),),
        timed=("for _ in range(20): loss = step()",),
    ),
    Scenario(
        name="a loop of 10,000 small operators",
        before=("import torch\nts = [torch.zeros(4) for _ in range(50)]",),
        timed=("t = torch.zeros(8)\nfor i in range(10000):\n    t = t + 1",),
    ),
    Scenario(
        name="three short epochs, 20 batch norms",
        before=(_NORMS,),
        timed=(_EPOCHS,),
    ),
    Scenario(
        name="actor and critic, 4 environments, 50 updates",
        before=(_ACTOR_CRITIC,),
        timed=(_EPISODES.format(updates=50),),
    ),
    Scenario(
        name="the same, all in one cell",
        timed=(_ACTOR_CRITIC + _EPISODES.format(updates=50),),
    ),
    Scenario(
        name="a trivial cell beside 20,000 records",
        before=(
            "import torch\nrows = [{'id': i, 'text': str(i), 'tags': [i]} for i in range(20000)]\ntrain = rows[9:]",
        ),
        timed=("a = 1",),
        repeats=9,
    ),
    Scenario(
        name="a trivial cell beside 2,000 records of two tensors",
        before=("import torch\nd = [{'s': torch.zeros(4), 'a': torch.zeros(1), 'r': i} for i in range(2000)]",),
        timed=("a = 1",),
        repeats=9,
    ),
    Scenario(name="20 short cells", timed=tuple(_SHORT.split("# %%\n")), repeats=9),
)
ROUNDS = 2


def measure(scenario: Scenario) -> list[tuple[float, float]]:
    """Time the cells of a scenario without us and with us, in seconds: of each cell the shortest run.

    The first pair is told by the clock, the second by the processor.
    """
    plain, watched = [], []
    for _ in range(ROUNDS):
        plain += _run(scenario, watch=False)
        watched += _run(scenario, watch=True)
    return [(_total(plain, clock), _total(watched, clock)) for clock in range(2)]


def _total(runs: Sequence[Sequence[tuple[float, float]]], clock: int) -> float:
    return sum(min(times[clock] for times in cell) for cell in zip(*runs, strict=True))


def _run(scenario: Scenario, *, watch: bool) -> list[list[tuple[float, float]]]:
    shell = open_shell(watch=watch)
    for cell in (*scenario.before, *scenario.timed):
        _time(shell, cell)
    runs = [[_time(shell, cell) for cell in scenario.timed] for _ in range(scenario.repeats)]
    if watch:
        shell.run_line_magic("unload_ext", "ipy_tensorwatch")
    shell.reset()
    gc.collect()
    return runs


def _time(shell: InteractiveShell, cell: str) -> tuple[float, float]:
    with contextlib.redirect_stdout(io.StringIO()):
        start = time.perf_counter(), time.process_time()
        ran = shell.run_cell(cell, store_history=True)
        seconds = time.perf_counter() - start[0], time.process_time() - start[1]
    ran.raise_error()
    return seconds


def main() -> None:
    """Print the table; arguments choose scenarios by words of their names."""
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, Python {sys.version.split()[0]}")
    print("| whole cells | plain | watched | ratio | by the processor |\n| --- | --- | --- | --- | --- |")
    for scenario in SCENARIOS:
        if all(word in scenario.name for word in sys.argv[1:]):
            (plain, watched), (without, within) = measure(scenario)
            times = f"{plain * 1e3:.1f} ms | {watched * 1e3:.1f} ms | {watched / plain:.2f}x | {within / without:.2f}x"
            print(f"| {scenario.name} | {times} |", flush=True)


if __name__ == "__main__":
    main()
