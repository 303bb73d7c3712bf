"""Forward hooks that write their output in place, which a layer saved: they return a new one instead."""

from __future__ import annotations

import pytest
import torch

from tests.support.mending import mend
from tests.support.notebook import Notebook

START = """import torch
from torch import nn
torch.manual_seed(0)
net, x = nn.Sequential(nn.Linear(3, 3), nn.Sigmoid(), nn.Linear(3, 1)), torch.randn(4, 3)
"""
SCALE = START + "def hook(module, given, out):\n    {}\nnet[1].register_forward_hook(hook)"
OF_CLASS = """class Scale:
    def __call__(self, module, given, out):
        out *= 2
net[1].register_forward_hook(Scale())"""
LOSS, BACKWARD = "loss = net(x).sum()", "loss.backward()"
MENDED = {
    "a method in place": ([SCALE.format("out.mul_(2)"), LOSS], "return out.mul(2)"),
    "until it raises": ([SCALE.format("out.mul_(2)"), LOSS, BACKWARD], "return out.mul(2)"),
    "an operator": ([SCALE.format("n = 2\n    out *= n"), LOSS], "return out * n"),
    "some elements": ([SCALE.format("out[:, 0] = 0"), LOSS], "out = out.clone(); out[:, 0] = 0; return out"),
    "an object": ([START + OF_CLASS, LOSS], "return out * 2"),
}
IN_WORDS = {
    "what is read after it": [SCALE.format("out.mul_(2)\n    print(out.shape)"), LOSS],
    "a block that records nothing": [SCALE.format("with torch.no_grad():\n        out.mul_(2)"), LOSS],
    "a function that records nothing": [SCALE.replace("def", "@torch.no_grad()\ndef").format("out.mul_(2)"), LOSS],
    "a hook that returns something": [SCALE.format("if out is None: return given\n    out.mul_(2)"), LOSS],
}


@pytest.mark.parametrize(("cells", "code"), MENDED.values(), ids=MENDED)
def test_a_hook_that_writes_its_output_last_returns_a_new_one(cells: list[str], code: str):
    with Notebook() as nb:
        for cell in cells:
            nb.cell(cell)
        [hazard] = nb.report()["hazards"]
    mended = mend(cells, hazard)
    with Notebook() as nb:
        for cell in mended:
            nb.run(cell)
        assert [] == nb.report()["hazards"]
        loss = nb.ns["loss"].detach()
    with Notebook(watched=False) as nb:
        for cell in cells[:2]:
            nb.cell(cell)
        assert torch.equal(loss, nb.ns["loss"].detach())

    assert [code] == [one["text"].strip() for one in hazard["fix"]["edits"]]


@pytest.mark.parametrize("cells", IN_WORDS.values(), ids=IN_WORDS)
def test_no_other_line_of_a_hook_returns_it(cells: list[str]):
    with Notebook() as nb:
        for cell in cells:
            nb.cell(cell)
        [hazard] = nb.report()["hazards"]

    assert "Let the hook return" not in hazard["remedy"]
