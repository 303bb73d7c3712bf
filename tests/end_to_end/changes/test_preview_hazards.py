"""The hazards that a cell would make are foretold as its report tells them: codes and outcomes, and none in vain."""

from __future__ import annotations

from unittest.mock import patch

import pytest

import ipy_tensorwatch
from ipy_tensorwatch.shell import previewer
from tests.support.foretold import SECONDS
from tests.support.notebook import Notebook

TRAINED = """
import torch, torch.nn as nn, torch.nn.functional as F
torch.manual_seed(0)
w, x = torch.ones(3, requires_grad=True), torch.rand(3)
lin, data = nn.Linear(3, 3), torch.rand(4, 3)
"""
OWN_GRAPHS = {
    "h = (w * 2).sigmoid()\nh *= 2\nh.sum().backward()": ["TW201"],
    "h = (w * 2).sigmoid()\nh *= 2": ["TW201"],
    "h = w * 2\nh.sigmoid_()\nh *= 2\nh.sum().backward()": ["TW201"],
    "h = torch.exp(w)\nh.sum().backward()\nh.sum().backward()": ["TW213"],
    "c = w - w.mean()\nloss = (c * c).sum()\nc.div_(2)\nloss.backward()": ["TW201"],
    "y = w * x\nx.zero_()\ny.sum().backward()": ["TW201"],
    "h = F.relu(lin(data))\nh.add_(1)\nh.sum().backward()": ["TW201"],
    "loss = F.mse_loss(lin(data), data)\nloss.backward()\nloss.backward()": ["TW213"],
    "rnn, h = nn.RNN(2, 3), torch.zeros(1, 1, 3)\nfor _ in range(3):\n"
    "    out, h = rnn(torch.ones(4, 1, 2), h)\n    out.sum().backward()": ["TW213"],
    "def block(t):\n    t = torch.tanh(lin(t))\n    t += 1\n    return t\nout = block(data)": ["TW201"],
    "h = (w * 2).sigmoid()\nh = h * 2\nh.sum().backward()": [],
    "h = w + 1\nh *= 2\nh.sum().backward()": [],
    "h = (w * 2).sigmoid()\nh.sum().backward()\nh.detach().mul_(2)": ["TW209"],
    "loss = (w * 2).exp().sum()\nloss.backward(retain_graph=True)\nloss.backward()": [],
    "for _ in range(3):\n    loss = (w * 2).exp().sum()\n    loss.backward()": [],
    "h = torch.exp(w)\nwith torch.no_grad(): g = h * 2\ng.mul_(2)\nh.sum().backward()": [],
    "rnn, h = nn.RNN(2, 3), torch.zeros(1, 1, 3)\nfor _ in range(3):\n"
    "    out, h = rnn(torch.ones(4, 1, 2), h.detach())\n    out.sum().backward()": [],
    "opt = torch.optim.SGD(lin.parameters(), lr=0.1)\nfor _ in range(3):\n"
    "    opt.zero_grad()\n    loss = F.mse_loss(torch.tanh(lin(data)), data)\n    loss.backward()\n    opt.step()": [],
}
"""Cells that make a graph themselves, with the hazards that they make."""

BEFORE = """
e = w.exp(); first, second = e.sum(), e.pow(2).sum(); image = w * 1; v = image[:2]
with torch.inference_mode(): inferred = torch.ones(3)
with torch.no_grad(): part = image[:2]
base, matrix, out = torch.arange(6.0), torch.rand(3, 3), torch.empty(3); buffer, frames = torch.zeros(3), []
bare = w * w; shade = bare.detach()
free = nn.Linear(3, 3)
emb = nn.Embedding(5, 3, max_norm=0.1); table = emb.weight @ lin.weight; index = torch.tensor([0, 2])
class Meter:
    def __init__(self): self.rows = []
    def add(self, one): self.rows.append(one)
def simulate(n):
    state, seen = torch.zeros(2), []
    for _ in range(n):
        state += 1
        seen.append(state)
    return seen
def stream():
    for n in range(4):
        buffer.fill_(n)
        yield buffer
meter = Meter()
"""
FROM_BEFORE = {
    "first.backward()": ["TW213"],
    "first.backward()\nsecond.backward()": ["TW213"],
    "first.backward(retain_graph=True)\nsecond.backward()": [],
    "for n in range(3): (e * n).sum().backward()": ["TW213"],
    "for n in range(3): (w.exp() * n).sum().backward()": [],
    "rows = emb(index)": ["TW201"],
    "with torch.no_grad(): image[0] = 5": ["TW209"],
    "image.detach()[0] = 5": ["TW209"],
    "image.add_(1)": [],
    "shade.mul_(2)": ["TW209"],
    "free.weight.add_(1)": ["TW204"],
    "free.requires_grad_(False)\nfree.weight.add_(1)": [],
    "inferred.add_(1)": ["TW204"],
    "with torch.inference_mode(): inferred.add_(1)": [],
    "part.add_(1)": ["TW204"],
    "with torch.no_grad(): part.add_(1)": ["TW209"],
    "with torch.no_grad(): piece = image[:2]\npiece.add_(1)": ["TW204"],
    "with torch.no_grad(): piece = x[:2]\npiece.add_(1)": [],
    "torch.mul(w, 2, out=out)": ["TW204"],
    "torch.mul(x, 2, out=out)": [],
    "base[1:] = base[:-1]": ["TW206"],
    "base[:-1].add_(base[1:])": ["TW206"],
    "matrix += matrix.T": ["TW206"],
    "matrix /= matrix[-1]": ["TW206"],
    "base[:3] = base[3:]": [],
    "base[::2] = base[1::2]": [],
    "matrix *= matrix": [],
    "matrix -= matrix.mean(0)": [],
    "matrix[0] += matrix[1]": [],
    "for n in range(5):\n    buffer.fill_(n)\n    frames.append(buffer)": ["TW211"],
    "kept = {}\nfor n in range(5):\n    buffer.fill_(n)\n    kept[n] = buffer.clone()": [],
    "for n in range(3):\n    buffer += n + 1\n    meter.add(buffer)": ["TW211"],
    "path = simulate(5)": ["TW211"],
    "sgd, states = torch.optim.SGD(lin.parameters(), lr=0.1), []\nfor _ in range(3):\n    sgd.zero_grad()\n"
    "    lin(data).sum().backward()\n    sgd.step()\n    states.append(lin.state_dict())": ["TW201", "TW207", "TW211"],
    "batches = list(stream())": ["TW211"],
    "batches = [one.clone() for one in stream()]": [],
}
"""Cells after another one, with the hazards that they make."""


MODELS = """
net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 2)); opt = torch.optim.SGD(net.parameters(), lr=0.1)
frozen = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 2)).requires_grad_(False); frozen[2].requires_grad_()
tuned = torch.optim.SGD([one for one in frozen.parameters() if one.requires_grad], lr=0.1)
whole = nn.Linear(3, 2); adam = torch.optim.Adam(whole.parameters())
"""
REWIRED = "net[2] = nn.Linear(3, 5); whole = nn.Linear(3, 2)\nfor one in frozen.parameters(): one.requires_grad = True"
STEPS = "{0}.zero_grad()\n{1}(data).sum().backward()\n{0}.step()"
WIRED = {("opt", "net"): ["TW212"], ("tuned", "frozen"): ["TW212"], ("adam", "whole"): ["TW212"]}
"""Optimizers and models, with the hazards of a step after the models have changed."""


def compare(cells: list[str], source: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    with patch.object(previewer, "SECONDS", SECONDS), Notebook(check_leaks=False) as nb:
        for cell in cells:
            nb.run(cell)
        foretold = ipy_tensorwatch.preview(source).to_dict()["hazards"]
        nb.cell(source)
        report = ipy_tensorwatch.report()
        told = {one.mark: one for one in (*report.begun, *(one for one in report.hazards if one.happened))}.values()
    return sorted((one["code"], one["outcome"]) for one in foretold), sorted((one.code, one.outcome) for one in told)


@pytest.mark.parametrize("source", OWN_GRAPHS)
def test_what_a_graph_of_the_cell_makes_is_foretold(source: str):
    foretold, told = compare([TRAINED], source)

    assert OWN_GRAPHS[source] == [code for code, _ in foretold]
    assert told == foretold


@pytest.mark.parametrize("source", FROM_BEFORE)
def test_what_a_cell_makes_of_what_was_there_is_foretold(source: str):
    foretold, told = compare([TRAINED, BEFORE], source)

    assert FROM_BEFORE[source] == [code for code, _ in foretold]
    assert told == foretold


@pytest.mark.parametrize(("optimizer", "model"), WIRED)
def test_what_no_optimizer_holds_is_foretold(optimizer: str, model: str):
    step = STEPS.format(optimizer, model)
    foretold, told = compare([TRAINED, MODELS, REWIRED], step)

    assert WIRED[optimizer, model] == [code for code, _ in foretold]
    assert told == foretold
    assert compare([TRAINED, MODELS], step) == ([], [])


LEAVES = "import torch\nw = torch.ones(3, requires_grad=True)\nx = w * 2\n"


@pytest.mark.parametrize("write", ["v = x.detach()\nv.add_(1)", "with torch.no_grad():\n    r = x[:2]\n    r.mul_(2)"])
@pytest.mark.parametrize(
    ("computed", "outcome"),
    [
        ("", "wrong"),
        ("y = x.sum()", "risk"),
        ("y = x * 3", "risk"),
        ("y = x[0]", "wrong"),
        ("y = x[0]; z = x[0].sum()", "risk"),
        ("y = (x * 3).sum()", "risk"),
    ],
)
def test_a_write_that_autograd_does_not_record_is_a_risk_where_another_graph_has_the_tensor(computed, outcome, write):
    with Notebook() as nb:
        nb.run(LEAVES + computed)
        foretold = ipy_tensorwatch.preview(write).to_dict()["hazards"]
        told = nb.run(write)["hazards"]

    assert [("TW209", outcome)] == [(one["code"], one["outcome"]) for one in foretold]
    assert [("TW209", outcome)] == [(one["code"], one["outcome"]) for one in told]
