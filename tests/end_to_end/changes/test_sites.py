"""Sites where there was no time to look between the statements: what the text and the optimizer's hook tell."""

from __future__ import annotations

import pytest

from tests.support.notebook import Notebook, changes, lines
from tests.support.story import true_and_told_lines

SETTING = """
import torch
from torch import nn
model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
opt = torch.optim.Adam(model.parameters())
x = torch.randn(8, 3)
for p in model.parameters():
    p.grad = torch.ones_like(p)
opt.step()
"""
TRAIN = """\
for step in range(4):
    opt.zero_grad(set_to_none=False)
    model(x).sum().backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()"""
WRITTEN = {
    "model[0].weight": {5},
    "opt.state[model[0].weight]['exp_avg']": {5},
    "opt.state[model[0].weight]['step']": {5},
}


@pytest.mark.parametrize("floor", [0.0, 1.0])
def test_a_training_loop_is_told_by_the_line_that_wrote_each_tensor(floor: float):
    with Notebook(settings={"probe_floor": floor, "probe_share": 0.0}) as nb:
        nb.run(SETTING)
        report = nb.run(TRAIN)

    told = changes(report, "mutated")
    assert WRITTEN == {path: lines(told[path]) for path in WRITTEN}
    assert {"optimizer"} == {told[path]["cause"] for path in WRITTEN}
    assert lines(told["model[0].weight.grad"]) <= {2, 3, 4}


N = 50_000
"""Elements that take more bytes than are looked at between statements."""

LARGE = {
    "two calls": ("a = torch.zeros(N); b = a[:9]", "y = 1\nbump(a)\nz = 2\nbump(b)"),
    "a name and a call": ("a = torch.zeros(N); b = a.detach()", "b.add_(1)\nbump(a)\nlook(a)"),
    "a loop over tensors": ("a = torch.zeros(N); b = [a, a[1:]]", "for t in b:\n    t += 1\nlook(a)"),
    "one of several names in a loop": (
        "a = torch.zeros(N); w = torch.zeros(N); v = a[:]",
        "for m in (a, w):\n    m += 1",
    ),
    "disjoint slices": ("x = torch.zeros(N); a = x[:20000]; b = x[20000:]", "a.add_(1)\nb.add_(1)"),
    "memory that is exchanged": ("a = torch.zeros(N); b = a.view(-1)", "a.data = a.data + 1\na.add_(1)\nbump(b)"),
}


@pytest.mark.parametrize(("setting", "cell"), LARGE.values(), ids=LARGE)
def test_a_large_tensor_is_told_by_the_lines_that_wrote_it(setting: str, cell: str):
    setting = f"import torch\nN = {N}\ndef bump(t):\n    t += 1\ndef look(t):\n    return t.sum()\n{setting}"
    true, told = true_and_told_lines(setting, cell)

    assert true == told
    assert told
