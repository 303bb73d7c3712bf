"""Programs that train on several ranks: healthy ones, and real bugs rebuilt small, each as its cells."""

from __future__ import annotations

HEAD = """
import torch, torch.nn as nn, torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel as DDP
torch.manual_seed(0)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm, self.b = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)
    def forward(self, x):
        return self.b(torch.relu(self.norm(self.a(x))))
def batch():
    return torch.randn(6, 4), torch.randint(2, (6,))
loss_of = nn.CrossEntropyLoss()
"""
LOCAL_SEED = "torch.manual_seed(100 + rank)"
STEPS = """
for step in range({steps}):
    x, t = batch()
    opt.zero_grad()
    loss = loss_of(ddp(x), t)
    loss.backward()
    opt.step()
"""
AVERAGES = """
ema = {name: one.detach().clone() for name, one in net.named_parameters()}
def average():
    with torch.no_grad():
        for name, one in net.named_parameters():
            ema[name].mul_(0.9).add_(one, alpha=0.1)
sums, kept, grads = torch.zeros(8, 4), [], [torch.zeros_like(one) for one in net.parameters()]
"""
ANEW = """
ema = {name: 0.9 * ema[name] + 0.1 * one.detach() for name, one in net.named_parameters()}
drawn = torch.rand(8, 4)
"""
"""A moving average that each step binds anew, and data of a parameter's shape that it draws anew."""
SUMS = """
sums += torch.rand(8, 4)
kept.append(torch.rand(8, 4))
for mine, one in zip(grads, net.parameters()):
    mine.add_(torch.rand(one.shape))
"""
HEALTHY = {
    "ddp": [HEAD, LOCAL_SEED, "net = Net()", "ddp = DDP(net)\nopt = torch.optim.Adam(ddp.parameters())", AVERAGES]
    + [STEPS.format(steps=10) + "average()" + SUMS] * 5,
    "moving_average_bound_anew": [
        HEAD,
        "net = Net()\nddp = DDP(net)\nopt = torch.optim.Adam(ddp.parameters())" + AVERAGES + "drawn = torch.rand(8, 4)",
        "z = 1",
        LOCAL_SEED,
    ]
    + [STEPS.format(steps=10) + ANEW] * 5,
    "ddp_local_buffers": [
        HEAD,
        "net = Net()\nddp = DDP(net, broadcast_buffers=False)\nopt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)",
        LOCAL_SEED,
    ]
    + [STEPS.format(steps=10)] * 5,
    "no_sync": [
        HEAD,
        "net = Net()\nddp = DDP(net)\nopt = torch.optim.AdamW(net.parameters())",
        LOCAL_SEED,
    ]
    + [
        "x, t = batch()\nwith ddp.no_sync():\n    loss_of(ddp(x), t).backward()",
        "x, t = batch()\nloss_of(ddp(x), t).backward()\nopt.step()\nopt.zero_grad()",
    ]
    * 5,
    "fsdp2": [
        HEAD,
        "from torch.distributed.fsdp import fully_shard\nfrom torch.distributed.device_mesh import init_device_mesh\n"
        "net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))\nddp = net",
        "fully_shard(net, mesh=init_device_mesh('cpu', (world,)))\nopt = torch.optim.Adam(net.parameters())",
        LOCAL_SEED,
    ]
    + [STEPS.format(steps=10)] * 5,
}
"""Cells of healthy programs, 50 steps each; `rank` and `world` are given."""

BY_HAND = """
def reduce_gradients():
    for p in net.parameters():
        dist.all_reduce(p.grad)
        p.grad /= world
"""
STEP_BY_HAND = """
x, t = batch()
opt.zero_grad()
loss_of(net(x), t).backward()
reduce_gradients()
opt.step()
"""
BUGS = {
    "clips_replicas_as_parts": (
        [
            HEAD,
            "net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))\nopt = torch.optim.SGD(net.parameters(), lr=0.5)\n"
            + BY_HAND,
            LOCAL_SEED,
            STEP_BY_HAND,
            "x, t = batch()\nopt.zero_grad()\nloss_of(net(x), t).backward()\nreduce_gradients()\n"
            "mine = [p for p in net.parameters()][rank % 2::2]\n"
            "norm = torch.sqrt(sum((p.grad ** 2).sum() for p in mine))\n"
            "for p in net.parameters():\n    p.grad.mul_(0.01 / norm)\n"
            "opt.step()",
        ],
        ("net[0].weight", 9, "opt.step()"),
    ),
    "not_the_parameters_of_the_module": (
        [
            HEAD,
            "net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))\nddp = DDP(net)",
            "net[0].weight = nn.Parameter(net[0].weight.detach().clone())\nopt = torch.optim.SGD(net.parameters(), lr=0.5)",
            LOCAL_SEED,
            STEPS.format(steps=1),
        ],
        ("net[0].weight", 6, "opt.step()"),
    ),
    "optimizer_state_loaded_on_one_rank": (
        [
            HEAD,
            "net = nn.Linear(4, 2)\nddp = DDP(net)\nopt = torch.optim.Adam(net.parameters())",
            LOCAL_SEED,
            STEPS.format(steps=2),
            "import copy\nsaved = copy.deepcopy(opt.state_dict())",
            STEPS.format(steps=2),
            "if rank == 0:\n    opt.load_state_dict(saved)",
        ],
        ("opt.state[ddp.module.weight]['step']", 2, "opt.load_state_dict(saved)"),
    ),
    "buffers_loaded_on_one_rank": (
        [
            HEAD,
            "class Scaled(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.lin = nn.Linear(4, 2)\n"
            "        self.register_buffer('scale', torch.rand(4))\n    def forward(self, x):\n        return self.lin(x * self.scale)",
            "net = Scaled()\nddp = DDP(net, broadcast_buffers=False)\nopt = torch.optim.SGD(net.parameters(), lr=0.1)",
            LOCAL_SEED,
            STEPS.format(steps=2),
            "checkpoint = {'scale': torch.full((4,), 2.0)}\nif rank == 0:\n    net.load_state_dict(checkpoint, strict=False)",
        ],
        ("net.scale", 3, "net.load_state_dict(checkpoint, strict=False)"),
    ),
    "another_seed": (
        [
            HEAD,
            "torch.manual_seed(rank)\nnet = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))\nopt = torch.optim.SGD(net.parameters(), lr=0.5)\n"
            + BY_HAND,
            STEP_BY_HAND,
        ],
        ("net[0].weight", 2, "net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))"),
    ),
    "moving_average_not_updated_on_one_rank": (
        [
            HEAD,
            "net = Net()\nddp = DDP(net)\nopt = torch.optim.SGD(ddp.parameters(), lr=0.1)" + AVERAGES,
            LOCAL_SEED,
            STEPS.format(steps=1) + "average()" + SUMS,
            STEPS.format(steps=1) + "average()" + SUMS,
            STEPS.format(steps=1) + "if rank != 1:\n    average()" + SUMS,
        ],
        ("ema['a.weight']", 8, "average()"),
    ),
    "moving_average_bound_anew_and_not_on_one_rank": (
        [
            HEAD,
            "net = Net()\nddp = DDP(net)\nopt = torch.optim.SGD(ddp.parameters(), lr=0.1)" + AVERAGES,
            LOCAL_SEED,
            STEPS.format(steps=1) + ANEW,
            STEPS.format(steps=1) + ANEW,
            STEPS.format(steps=1) + "if rank != 1:" + ANEW.replace("\n", "\n    "),
        ],
        (
            "ema['a.weight']",
            8,
            "ema = {name: 0.9 * ema[name] + 0.1 * one.detach() for name, one in net.named_parameters()}",
        ),
    ),
    "one_rank_skips_a_step": (
        [
            HEAD,
            "net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))\nopt = torch.optim.Adam(net.parameters())\n"
            + BY_HAND,
            LOCAL_SEED,
            STEP_BY_HAND,
            "x, t = batch()\nopt.zero_grad()\nloss_of(net(x), t).backward()\nreduce_gradients()\nif rank != 1:\n    opt.step()",
        ],
        ("net[0].weight", 6, "opt.step()"),
    ),
}
"""Cells of programs with a bug in the last one, and what is told: the path, the line and the statement."""
