"""Random training loops: what is settled as a class has the cause of a verdict for each tensor.

The notebook's helper checks it for each report, with looks and without any.
"""

from __future__ import annotations

import random

import pytest

from tests.support.notebook import Notebook, mutated

SETTING = """\
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
X, Y = torch.randn(64, 6), torch.randint(0, 2, (64,))
net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
critic = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))
opt = torch.optim.Adam(net.parameters())
sgd = torch.optim.SGD(critic.parameters(), lr=0.1, momentum=0.9)
plan = torch.optim.lr_scheduler.StepLR(opt, 2)
w, mean, total, kept = net[0].weight.data, net[1].running_mean, 0.0, []
run = {"net": net}
ema = {name: one.detach().clone() for name, one in net.named_parameters()}
def shrink(model):
    with torch.no_grad():
        model[0].weight.mul_(0.9)
def measure_error(model):
    model[0].weight.data.round_(decimals=3)
    return 0.0
def follow():
    for name, one in net.named_parameters():
        ema[name].mul_(0.9).add_(one.detach(), alpha=0.1)
def reset(model):
    model[1].running_mean.zero_()
def zeroed(x):
    net[1].running_mean.zero_()
    return x
def clip(model):
    for one in model.parameters():
        if one.grad is not None:
            one.grad.clamp_(-1, 1)
def train(x, y):
    loss = F.cross_entropy(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss.item()
"""
STEPS = (
    ["loss = F.cross_entropy(net(x), y)", "loss.backward()", "opt.step()"],
    ["score = critic(x).mean()", "score.backward()", "sgd.step()"],
    ["total += train(x, y)"],
)
BESIDE = [
    "opt.zero_grad()",
    "opt.zero_grad(set_to_none=False)",
    "sgd.zero_grad(set_to_none=False)",
    "plan.step()",
    "total += float(x.sum())",
    "kept.append(total)",
    "nn.utils.clip_grad_norm_(net.parameters(), 1.0)",
    "clip(net)",
    "shrink(net)",
    "shrink(critic)",
    "follow()",
    "total += measure_error(net)",
    "run['net'][0].weight.data.mul_(0.99)",
    "run['net'][1].running_mean.add_(1)",
    "reset(net)",
    "w.mul_(0.99)",
    "mean.add_(1)",
    "net[1].running_var.fill_(1)",
    "v = critic[0].weight.detach(); v.mul_(0.99)",
    "net.eval(); z = net(x); net.train()",
    "with torch.no_grad(): z = critic(x)",
    "z = net(zeroed(x))",
    "best = {name: one.clone() for name, one in net.state_dict().items()}",
    "net.load_state_dict({name: one.clone() for name, one in net.state_dict().items()})",
    "x = x * 2",
]


def loop(chance: random.Random) -> str:
    """Write a loop that trains one or two networks, with other statements before, between and after."""
    body = [line for step in chance.sample(STEPS, chance.randint(1, 2)) for line in step]
    for line in chance.sample(BESIDE, chance.randint(1, 4)):
        body.insert(chance.randint(0, len(body)), line)
    turns = chance.choice([1, 3, 12])
    text = "\n    ".join(
        f"if turn % 3 == 1: {one}" if chance.random() < 0.2 and ":" not in one else one for one in body
    )
    return f"for turn in range({turns}):\n    x, y = X[turn::8], Y[turn::8]\n    {text}"


@pytest.mark.parametrize("settings", [{"probe_floor": 2.0}, {}, {"probe_floor": 0.0, "probe_share": 0.0}])
@pytest.mark.parametrize("seed", range(6))
def test_what_a_training_loop_writes_has_the_same_cause_by_class_and_for_each_tensor(seed, settings):
    chance = random.Random(seed)
    with Notebook(settings=settings) as nb:
        nb.run(SETTING)
        for _ in range(4):
            cell = loop(chance)
            for _ in range(2):
                nb.cell(cell)  # some raise, where a write comes before the backward
                assert mutated(nb.report()), cell
