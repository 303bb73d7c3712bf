"""A list that repeats one module is told when it is bound, and a call for each makes several."""

from __future__ import annotations

import pytest

from tests.support.mending import mend
from tests.support.notebook import Notebook

START = "import torch\nfrom torch import nn"
STACK = """class Stack(nn.Module):
    def __init__(self, n, count):
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(n, n)] * count)
    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x"""
MADE = {
    "in a cell": (["layers = nn.ModuleList([nn.Linear(2, 2)] * 3)"], "layers"),
    "in a sequence": (["layers = nn.Sequential(nn.Flatten(), *[nn.Linear(2, 2)] * 3)"], "layers"),
    "in a class": ([STACK, "stack = Stack(2, 3)"], "stack.blocks"),
}


@pytest.mark.parametrize(("cells", "container"), MADE.values(), ids=MADE)
def test_one_module_in_several_places_is_told_once_and_the_fix_makes_several(cells: list[str], container: str):
    count = f"len({{id(one.weight) for one in {container} if hasattr(one, 'weight')}})"
    with Notebook() as nb:
        *_, report = [nb.run(one) for one in (START, *cells)]
        [hazard] = report["hazards"]
        made = nb.shell.ev(count)
        nb.run("1 + 1")
        said = "".join(nb.said)
    with Notebook() as nb:
        *_, after = [nb.run(one) for one in mend([START, *cells], hazard)]
        mended = nb.shell.ev(count)

    assert ("TW211", "risk", 3) == (hazard["code"], hazard["outcome"], len(hazard["paths"]))
    assert (1, 3) == (made, mended)
    assert 1 == said.count(f"3 items of {container} are one")
    assert after["hazards"] == []


@pytest.mark.parametrize(
    "cell", ["layers = nn.ModuleList([nn.ReLU()] * 3)", "layer = nn.Linear(2, 2)\nlayers = nn.ModuleList([layer] * 3)"]
)
def test_what_may_be_shared_is_not_told(cell: str):
    with Notebook() as nb:
        nb.run(START)

        assert nb.run(cell)["hazards"] == []
