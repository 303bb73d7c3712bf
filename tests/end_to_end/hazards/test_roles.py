"""A target network, a teacher or frozen weights that are the trained ones by another name."""

from __future__ import annotations

import pytest

from tests.support.mending import mend
from tests.support.notebook import Notebook

START = """import copy, torch
from torch import nn
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)); opt = torch.optim.SGD(net.parameters(), lr=0.1)
x = torch.ones(4, 2)
def step(loss):
    opt.zero_grad(); loss.backward(); opt.step()
"""
TRAIN = "for _ in range(2): step(net(x).square().sum())"
DRIFT = "def drift(): return sum((p - f).abs().sum() for p, f in zip(net.parameters(), KEPT))"
AGENT = """class Agent:
    def __init__(self):
        self.online = nn.Linear(2, 2)
        self.target = self.online
        self.opt = torch.optim.SGD(self.online.parameters(), lr=0.1)
    def learn(self):
        loss = (self.online(x) - self.target(x + 1).detach()).square().sum()
        self.opt.zero_grad(); loss.backward(); self.opt.step()
agent = Agent()"""

TOLD = {
    "a teacher": (["teacher = net", "step((net(x) - teacher(x + 1).detach()).square().sum())"], "teacher"),
    "a target network, in a function": (
        ["target_net = net\ndef learn(): step((net(x) - target_net(x + 1).detach()).square().sum())", "learn()"],
        "target_net",
    ),
    "a reference, in a loop": (
        ["ref = net", "for _ in range(2):\n    with torch.no_grad(): y = ref(x + 1)\n    step((net(x) - y).sum())"],
        "ref",
    ),
    "an attribute": ([AGENT, "agent.learn()"], "agent.target"),
    "frozen parameters in a list": (
        ["frozen = list(net.parameters())\n" + DRIFT.replace("KEPT", "frozen"), TRAIN],
        "frozen",
    ),
    "frozen parameters in a dict": (
        ["frozen = dict(net.named_parameters())\n" + DRIFT.replace("KEPT", "frozen.values()"), TRAIN],
        "frozen",
    ),
}
QUIET = {
    "a copy": ["teacher = copy.deepcopy(net)", "step((net(x) - teacher(x + 1).detach()).square().sum())"],
    "frozen copies": [
        "frozen = [p.detach().clone() for p in net.parameters()]\n" + DRIFT.replace("KEPT", "frozen"),
        TRAIN,
    ],
    "a role that nothing compares": ["target_model = net\ny = target_model(x)", TRAIN],
    "a layer of it": ["target = net[2]\ndef norms(): return target.weight.norm() / net[0].weight.norm()", TRAIN],
    "a head that two share": [
        "teacher = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), net[2])",
        "step((net(x) - teacher(x + 1).detach()).square().sum())",
    ],
    "modules in a dict": [
        "target_modules = {n: m for n, m in net.named_children()}\ndef show(): print(target_modules, net)",
        TRAIN,
    ],
    "parameters to attack": [
        "target_params = list(net.parameters())\ndef f(): return torch.autograd.grad(net(x).sum(), target_params)",
        TRAIN,
    ],
    "what is trained again": [
        "frozen = list(net[0].parameters())\ndef thaw():\n    print(net)\n    for p in frozen: p.requires_grad_(True)",
        TRAIN,
    ],
    "a group of an optimizer": [
        "frozen = list(net[0].parameters())",
        "opt = torch.optim.SGD([{'params': frozen, 'lr': 0.01}, {'params': net[2].parameters()}], lr=0.1)\n" + TRAIN,
    ],
    "parameters of an optimizer that another cell made": [
        "ref_params = dict(net.named_parameters())\nopt2 = torch.optim.SGD(ref_params.values(), lr=0.1)",
        "step(net(x).sum() + sum(p.abs().sum() for p in ref_params.values()))",
    ],
    "a parameter by itself": ["ref = net[0].weight\ndef same(): return ref is net[0].weight", TRAIN],
    "a variable that a loop left over": ["for target in [net]: pass\ndef f(): return net(x) - target(x)", TRAIN],
}


@pytest.mark.parametrize("name", TOLD)
def test_a_role_beside_what_is_trained_is_no_copy(name: str):
    cells, role = TOLD[name]
    cells = [START + cells[0], *cells[1:]]
    with Notebook() as nb:
        [*_, report] = map(nb.run, cells)
        [hazard] = report["hazards"]

    assert ("TW207", "risk", True) == (
        hazard["code"],
        hazard["outcome"],
        f"`{role}` is not a copy" in hazard["message"],
    )
    with Notebook() as nb:
        assert [] == [*map(nb.run, mend(cells, hazard))][-1]["hazards"]


@pytest.mark.parametrize("name", QUIET)
def test_other_names_with_the_word_of_a_role_are_quiet(name: str):
    with Notebook() as nb:
        nb.run(START)
        [nb.run(one) for one in QUIET[name]]

    assert {""} == {*nb.said}
