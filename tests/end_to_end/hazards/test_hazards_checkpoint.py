"""What `checkpoint` will compute with again is watched as what is saved; the function is never run for it."""

from __future__ import annotations

import pytest
import torch

from tests.support.notebook import Notebook

SETTING = """
import torch
from functools import partial
from torch import nn
from torch.utils.checkpoint import checkpoint
torch.manual_seed(0)
w = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
scale = torch.tensor([1.0, 2.0, 3.0])
table = {'bias': torch.ones(3)}
unused = torch.ones(3)
net = nn.Linear(3, 3)
norm = nn.BatchNorm1d(3)
ran = []
h = w * 2
"""
GLOBAL = "def body(x):\n    ran.append(1)\n    return (x * scale + table['bias']).sin()\n"
CLOSED = (
    "def make(s):\n    def body(x):\n        ran.append(1)\n        return (x * s + table['bias']).sin()\n    return body\n"
    "body = make(scale)\n"
)
NESTED = "def inner(x):\n    return x * scale\ndef body(x):\n    ran.append(1)\n    return (inner(x) + table['bias']).sin()\n"
PARTIAL = (
    "def apply(s, x):\n    ran.append(1)\n    return (x * s + table['bias']).sin()\nbody = partial(apply, scale)\n"
)
METHOD = (
    "class Model:\n    def __init__(self):\n        self.s = scale\n    def forward(self, x):\n        ran.append(1)\n"
    "        return (x * self.s + table['bias']).sin()\nbody = Model().forward\n"
)
CALL = "loss = checkpoint(body, h, use_reentrant={reentrant}).sum()"


def told(report):
    """Give code, outcome and the first path of each hazard."""
    return [(one["code"], one["outcome"], one["paths"][0]) for one in report["hazards"]]


@pytest.mark.parametrize("function", [GLOBAL, CLOSED, NESTED, PARTIAL, METHOD])
@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize(
    ("write", "path"), [("scale.mul_(3)", "scale"), ("table['bias'].data.zero_()", "table['bias']")]
)
def test_what_the_function_reads_and_was_overwritten_makes_gradients_wrong(
    function: str, reentrant: bool, write: str, path: str
):
    def gradient(*cells: str) -> torch.Tensor:
        with Notebook(watched=False, check_leaks=False) as nb:
            for cell in (SETTING, function + CALL.format(reentrant=reentrant), *cells, "loss.backward()"):
                assert nb.cell(cell).error is None
            return nb.ns["w"].grad

    with Notebook() as nb:
        nb.run(SETTING)
        nb.run(function + CALL.format(reentrant=reentrant))

        assert [("TW205", "wrong", path)] == told(nb.run(write))
        assert nb.ns["ran"] == [1]
    assert not torch.equal(gradient(), gradient(write))


@pytest.mark.parametrize("reentrant", [False, True])
def test_what_the_function_was_handed_makes_backward_raise(reentrant: bool):
    with Notebook() as nb:
        nb.run(SETTING)
        nb.run(GLOBAL + CALL.format(reentrant=reentrant))

        assert [("TW201", "raises", "h")] == told(nb.run("h.add_(1)"))
        assert "modified by an inplace operation" in str(nb.cell("loss.backward()").error)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize(
    "write", ["unused.add_(1)", "scale.add_(0)", "unused.data.zero_()", "ran.append(torch.ones(3))", "scale = scale"]
)
def test_what_the_function_does_not_read_is_no_hazard(reentrant: bool, write: str):
    with Notebook() as nb:
        nb.run(SETTING)
        nb.run(GLOBAL + CALL.format(reentrant=reentrant))

        assert nb.run(write)["hazards"] == []


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_norms_statistics_are_no_hazard(reentrant: bool):
    with Notebook() as nb:
        nb.run(SETTING)
        nb.run(f"out = checkpoint(norm, net(h.expand(4, 3)), use_reentrant={reentrant}).sum()")

        assert nb.run("norm(torch.randn(4, 3)).detach()")["hazards"] == []


def test_parameters_of_a_checkpointed_module_are_read_again():
    with Notebook() as nb:
        nb.run(SETTING)
        nb.run("loss = checkpoint(net, h, use_reentrant=False).pow(2).sum()")

        assert [("TW205", "wrong", "net.weight")] == told(nb.run("with torch.no_grad():\n    net.weight.mul_(2)"))


@pytest.mark.parametrize("reentrant", [False, True])
def test_the_hazard_is_over_when_backward_ran(reentrant: bool):
    with Notebook() as nb:
        nb.run(SETTING)
        nb.run(GLOBAL + CALL.format(reentrant=reentrant))
        counts = [len(nb.run(cell)["hazards"]) for cell in ("scale.mul_(3)", "1", "loss.backward()", "scale.mul_(2)")]

        assert counts == [1, 1, 0, 0]


def test_the_message_says_that_it_is_computed_again():
    with Notebook() as nb:
        nb.run(SETTING)
        nb.run(GLOBAL + CALL.format(reentrant=False))
        [hazard] = nb.run("scale.mul_(3)")["hazards"]

    assert (
        "`loss.backward()` will give wrong gradients, without an error: `scale`, with which a checkpoint will compute "
        "again, as in cell 2, line 4, was overwritten in cell 3, line 1: `scale.mul_(3)`"
    ) == hazard["message"]
    assert hazard["remedy"] == "Write after the backward, when the checkpoint has read it."


@pytest.mark.parametrize("function", [GLOBAL, CLOSED, NESTED, PARTIAL, METHOD])
@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("then", ["", "\nloss.backward()"])
def test_what_the_function_reads_is_told_in_the_cell_that_ran_it(function: str, reentrant: bool, then: str):
    cell = SETTING + function + CALL.format(reentrant=reentrant)
    with Notebook() as nb:
        hazards = told(nb.run(f"{cell}\nscale.mul_(3){then}"))

    assert [("TW205", "wrong", "scale")] == hazards


@pytest.mark.parametrize("write", ["scale.mul_(3)", "unused.mul_(3)"])
def test_what_is_written_after_the_backward_of_a_checkpoint_is_quiet(write: str):
    cell = SETTING + GLOBAL + CALL.format(reentrant=False)
    with Notebook() as nb:
        assert [] == told(nb.run(f"{cell}\nunused.add_(1)\nloss.backward()\n{write}"))
