"""Cells that hand their tensors to a library: what is a training step there is expected, what is not is told."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.notebook import Notebook, changes, silent

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = """
import torch

def sgd(params, rate):
    with torch.no_grad():
        for param in params:
            param -= rate * param.grad
            param.grad.zero_()

def train(net, x, y, loss, updater):
    for _ in range(2):
        value = loss(net(x), y)
        if isinstance(updater, torch.optim.Optimizer):
            updater.zero_grad()
        value.mean().backward()
        updater.step() if isinstance(updater, torch.optim.Optimizer) else updater(len(x))

class Trainer:
    def __init__(self, model):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def fit(self, x, y):
        train(self.model, x, y, torch.nn.MSELoss(), self.optimizer)

def normalise(x):
    x -= x.mean()
    return x

class FittedFirst(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(3))
        self.is_fitted = False

    def loss(self, x):
        if not self.is_fitted:
            self.scale.data = x.std(dim=0)
            self.is_fitted = True
        return (x / self.scale).pow(2).mean()
"""

SETTING = """
import torch, its_library as lib
from torch import nn
w, b = torch.randn(2, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
x, y = torch.randn(6, 2), torch.randn(6, 1)
def linear(x):
    return x @ w + b
net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
trainer = lib.Trainer(net)
inputs = x.numpy()
"""

EXPECTED = {
    "a step that the library writes by hand": ("(linear(x) - y).pow(2).mean().backward()\nlib.sgd([w, b], 0.1)", set()),
    "an updater handed to it": (
        "lib.train(linear, x, y, nn.MSELoss(), lambda size: lib.sgd([w, b], 0.1 / size))",
        set(),
    ),
    "an object that holds the model": ("trainer.fit(x, y)", set()),
    "the model that an object holds": ("lib.train(net, x, y, nn.MSELoss(), trainer.optimizer)", set()),
    "a function that writes to its argument": ("z = lib.normalise(x)", {"x", "inputs"}),
    "a function that writes to a view of a parameter": ("lib.normalise(w.detach())", {"w"}),
}


@pytest.mark.parametrize(("cell", "expected"), EXPECTED.values(), ids=EXPECTED)
def test_only_what_is_no_training_step_is_silent(cell: str, expected: set[str], tmp_path: Path, monkeypatch):
    (tmp_path / "its_library.py").write_text(LIBRARY, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "its_library", raising=False)
    with Notebook() as nb:
        nb.run(SETTING)
        report = nb.run(cell)

    assert expected == silent(report)
    assert changes(report, "mutated")


@pytest.mark.parametrize("optimizer", ["torch.optim.Adam", "Adam"])
@pytest.mark.parametrize("settings", [{}, {"probe_floor": 0.0, "budget_share": 0.0}], ids=["with looks", "without"])
def test_who_only_makes_an_optimizer_has_not_written_what_it_holds(optimizer, settings, tmp_path: Path, monkeypatch):
    (tmp_path / "its_library.py").write_text(LIBRARY, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "its_library", raising=False)
    with Notebook(settings=settings) as nb:
        nb.run("import torch, its_library as lib\nfrom torch.optim import Adam\nmodel = lib.FittedFirst()")
        cell = (
            f"optimizer = {optimizer}(model.parameters())\nfor _ in range(3):\n    loss = model.loss(torch.randn(5, 3))"
        )
        report = nb.run(cell)

    assert silent(report) == {"model.scale"}
    assert {site["line"] for site in changes(report, "mutated")["model.scale"]["sites"]} == {3}
