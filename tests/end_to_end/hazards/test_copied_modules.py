"""A shallow copy of a module that is trained is told with the statement that made it."""

from __future__ import annotations

import pytest

from tests.support.mending import mend
from tests.support.notebook import Notebook

START = """import copy, torch
from torch import nn
torch.manual_seed(0)
x = torch.ones(4, 2)
net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
def fit(model):
    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        opt.zero_grad(); model(x).square().sum().backward(); opt.step()"""
SGD = "torch.optim.SGD({}.parameters(), lr=0.1)"
TWIN = """class Twin(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 1)
        self.second = copy.copy(self.first)
    def forward(self, x):
        return self.first(x) + self.second(x)
twin = Twin(); opt = torch.optim.SGD(twin.parameters(), lr=0.1)"""
ENSEMBLE = """nets = [copy.copy(net) for _ in range(3)]
opts = [torch.optim.SGD(one.parameters(), lr=0.1) for one in nets]"""

TOLD = {
    "its optimizer": (
        [f"net2 = copy.copy(net)\nopt = {SGD.format('net2')}", "net2(x).square().sum().backward(); opt.step()"],
        ("net2", "net", "net2 = copy.deepcopy(net)"),
    ),
    "in one cell": (
        [f"net2 = copy.copy(net)\nopt = {SGD.format('net2')}\nnet2(x).square().sum().backward()\nopt.step()"],
        ("net2", "net", "net2 = copy.deepcopy(net)"),
    ),
    "a function that trains it": (
        ["from copy import copy\nnet2 = copy(net)", "fit(net2)"],
        ("net2", "net", "net2 = deepcopy(net)"),
    ),
    "the module is trained, and the two are compared": (
        ["net2 = copy.copy(net)\ndef gap(): return (net(x) - net2(x)).abs().max()", "fit(net)"],
        ("net2", "net", "net2 = copy.deepcopy(net)"),
    ),
    "two layers of a module": (
        [TWIN, "twin(x).square().sum().backward(); opt.step()"],
        ("twin.second", "twin.first", "self.second = copy.deepcopy(self.first)"),
    ),
    "a copy that a function makes": (
        [
            "def twin(m):\n    return copy.copy(m)",
            f"net2 = twin(net)\nopt = {SGD.format('net2')}",
            "net2(x).square().sum().backward(); opt.step()",
        ],
        ("net2", "net", "net2 = twin(copy.deepcopy(net))"),
    ),
    "a copy that a function binds first, in one cell": (
        [
            f"def twin(m):\n    other = copy.copy(m)\n    return other\nnet2 = twin(net)\nopt = {SGD.format('net2')}\nnet2(x).square().sum().backward()\nopt.step()"
        ],
        ("net2", "net", "net2 = twin(copy.deepcopy(net))"),
    ),
    "several": (
        [ENSEMBLE, "for one, opt in zip(nets, opts):\n    one(x).square().sum().backward(); opt.step()"],
        ("nets", "net", "nets = [copy.deepcopy(net) for _ in range(3)]"),
    ),
}
QUIET = {
    "a handle that is evaluated": ["shown = copy.copy(net)", "fit(net)", "y = shown(x)"],
    "parameters of its own": [
        "net2 = copy.copy(net)\nnet2._modules = {name: copy.deepcopy(one) for name, one in net._modules.items()}",
        "fit(net2)",
    ],
    "a deep copy": ["net2 = copy.deepcopy(net)", "fit(net2)"],
    "a list of modules": ["layers = [net[0], net[2]]\nmore = copy.copy(layers)\nmore.append(net)", "fit(more[2])"],
    "a copy that is not trained": ["net2 = copy.copy(net)", "y = net(x) - net2(x)"],
    "another name since": ["net2 = copy.copy(net)", "net2 = net", "fit(net2)"],
}


@pytest.mark.parametrize(("cells", "told"), TOLD.values(), ids=TOLD)
def test_a_trained_shallow_copy_is_told_once_and_a_deep_copy_mends_it(cells: list[str], told: tuple[str, str, str]):
    copied, owner, code = told
    with Notebook() as nb:
        *_, report = [nb.run(one) for one in (START, *cells)]
        [hazard] = report["hazards"]
        nb.run("1 + 1")
        said = "".join(nb.said)
    with Notebook() as nb:
        *_, after = [nb.run(one) for one in mend([START, *cells], hazard)]

    assert ("TW207", "risk") == (hazard["code"], hazard["outcome"])
    assert f"`{code}`" in hazard["remedy"]
    assert 1 == said.count(f"{copied} is not a copy: its tensors are those of {owner}")
    assert after["hazards"] == []


@pytest.mark.parametrize("cells", QUIET.values(), ids=QUIET)
def test_what_is_no_trained_copy_is_not_told(cells: list[str]):
    with Notebook() as nb:
        reports = [nb.run(one) for one in (START, *cells)]

    assert [[]] * len(reports) == [one["hazards"] for one in reports]
