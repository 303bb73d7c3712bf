"""A state dict that an optimizer has loaded goes on with it: quiet until it is loaded again."""

from __future__ import annotations

import pytest

from tests.support.mending import mend
from tests.support.notebook import Notebook, silent

START = """import copy, torch
from torch import nn
torch.manual_seed(0)
net = nn.Linear(2, 1); opt = torch.optim.Adam(net.parameters(), lr=0.1); x = torch.ones(3, 2)
def train():
    for _ in range(2):
        opt.zero_grad(); net(x).square().sum().backward(); opt.step()
class Trainer:
    def load(self, state): opt.load_state_dict(state)
def resume(net, state):
    net.load_state_dict(state['net'])
    opt.load_state_dict(state['opt'])
trainer = Trainer()
train()
ckpt = copy.deepcopy({'net': net.state_dict(), 'opt': opt.state_dict()})"""
LOADS = {
    "an item": "opt.load_state_dict(ckpt['opt'])",
    "a variable": "kept = ckpt['opt']\nopt.load_state_dict(kept)",
    "by a function": "resume(net, ckpt)",
    "by a function, by name": "resume(net=net, state=ckpt)",
    "by a method": "trainer.load(ckpt['opt'])",
    "among others": "net.load_state_dict(ckpt['net']); opt.load_state_dict(ckpt['opt'])",
}


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_training_that_is_resumed_is_quiet(load: str):
    with Notebook() as nb:
        reports = [nb.run(one) for one in (START, load, "train()", "train()")]
        said = "".join(nb.said)

    assert "" == said
    assert [set()] * 4 == [{path for path in silent(one) if path.startswith(("ckpt", "opt"))} for one in reports]


def test_training_that_is_resumed_in_a_function_of_the_same_cell_is_quiet():
    start = START.replace("train()\nckpt", "def step(n, o):\n    n(x).sum().backward()\n    o.step()\ntrain()\nckpt")
    with Notebook() as nb:
        nb.run(start)
        nb.run("other = nn.Linear(2, 1); adam = torch.optim.Adam(other.parameters())\n"
               "adam.load_state_dict(ckpt['opt'])\nstep(other, adam)")  # fmt: skip

    assert "" == "".join(nb.said)


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_a_state_that_was_trained_on_is_told_where_it_is_loaded_again(load: str):
    cells = [START, load, "train()", load.rsplit("\n", maxsplit=1)[-1]]
    with Notebook() as nb:
        *_, before, report = [nb.run(one) for one in cells]
        told = [one for one in report["hazards"] if one["happened"]]
    if not load.startswith("resume("):  # a function that gets more than what it loads is mended in words
        with Notebook() as nb:
            *_, after = [nb.run(one) for one in mend(cells, told[0])]
        assert [] == [one for one in after["hazards"] if one["happened"]]

    assert {False} == {one["happened"] for one in before["hazards"]}
    assert ["wrong"] == [one["outcome"] for one in told]
    assert "it restored nothing" in told[0]["message"]
    assert "copy.deepcopy(" in told[0]["remedy"]


def test_a_state_that_is_loaded_twice_before_any_step_is_quiet():
    with Notebook() as nb:
        reports = [nb.run(one) for one in (START, LOADS["an item"], LOADS["an item"])]

    assert [[]] * 3 == [one["hazards"] for one in reports]


def test_a_state_that_was_only_taken_is_told():
    with Notebook() as nb:
        *_, report = [nb.run(one) for one in (START, "best = opt.state_dict()", "train()")]

    assert ["TW207"] == [one["code"] for one in report["hazards"]]
    assert any(path.startswith("best") for path in silent(report))


OTHERS = {
    "a function with the name of a method": ["def load(state): return len(state)", "n = load(best)"],
    "a method with the name of a function": [
        "class Log:\n    def resume(self, net, state): self.size = len(state)\nlog = Log()", "kept = {'opt': best}; log.resume(net, kept)",
    ],
    "a function that is defined again": ["def resume(net, state): return len(state)", "n = resume(net, {'opt': best}); kept = {'opt': best}; n = resume(net, kept)"],
    "a function that never loaded": ["def read(state): return len(state)", "n = read(best)"],
}  # fmt: skip


@pytest.mark.parametrize("cells", OTHERS.values(), ids=OTHERS)
def test_what_only_has_the_name_of_a_function_that_loads_hands_nothing_over(cells: list[str]):
    with Notebook() as nb:
        for cell in (START, "best = opt.state_dict()", *cells):
            nb.run(cell)
        report = nb.run("train()")

    assert "TW207" in nb.said[-1]
    assert any(path.startswith("best['state']") for path in silent(report))
