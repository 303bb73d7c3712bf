"""Sites where there was no time to look between the statements: what the text and the optimizer's hook tell."""

from __future__ import annotations

import pytest

from tests.notebook import Notebook, changes, lines

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
