"""A tensor that a class holds for all its objects: who writes to it gets one of its own, no copy of a new object."""

from __future__ import annotations

import pytest

from tests.support.mending import apply_fix
from tests.support.notebook import Notebook, Report, silent

START = """import copy, torch
class Layer:
    total = torch.zeros(3)
    def keep(self, x):
        self.total += x
        return self.total
class Norm(Layer):
    pass
def made():
    return Norm()
a, b, c = Layer(), Norm(), made()"""
PROGRAMS = {
    "by a method": (["y = a.keep(1)"], "        self.total = self.total + x"),
    "by a method of another object": (["y = a.keep(1)", "z = b.keep(2)"], "        self.total = self.total + x"),
    "by an operator": (["b.total += 1"], "b.total = b.total + 1"),
    "in place": (["c.total.mul_(3).add_(1)"], "c.total = c.total.mul(3).add(1)"),
    "through another name": (["d = b", "d.total.add_(1)"], "d.total = d.total.add(1)"),
}


def run(cells: list[str]) -> Report:
    """Return the last report."""
    with Notebook() as nb:
        for one in cells:
            nb.run(one)
        return nb.report()


@pytest.mark.parametrize(("calls", "code"), PROGRAMS.values(), ids=PROGRAMS)
def test_the_object_gets_a_tensor_of_its_own(calls: list[str], code: str):
    cells = [START, *calls]
    fixes = [one["fix"] for one in run(cells)["changes"] if one["silent"]]

    assert {code} == {edit["text"] for one in fixes for edit in one["edits"]}
    assert set() == silent(run(apply_fix(cells, fixes[0])))


def test_a_new_object_is_not_copied_where_no_line_can_be_mended():
    named = START.replace("    def keep", "    def __init__(self, name=None): self.name = name\n    def keep")
    report = run([named + "\nd = Layer('d')", "d.keep(1)\nd.total.numpy()[0] = 5"])

    assert {"Layer.total"} == silent(report)
    assert [None] * len(silent(report)) == [one["fix"] for one in report["changes"] if one["silent"]]


def test_a_new_object_is_not_copied_where_nothing_else_leads_to_what_it_holds():
    made = "import torch, weakref\nclass Box:\n    def __init__(self, t): self.t = t\nbox = Box(torch.zeros(2))"
    report = run([f"{made}\nweak = weakref.ref(box)", "weak().t.add_(1)"])

    assert [("box.t", None)] == [(one["path"], one["fix"]) for one in report["changes"] if one["silent"]]
