"""What several calls of one function share is mended for all of them by one edit of the function."""

from __future__ import annotations

import pytest

from tests.support.mending import apply_fix
from tests.support.notebook import Notebook, Report, changes, silent

RESULTS = ("a", "b", "c", "x")

START = "import numpy as np, torch\nx = torch.arange(4.)\nbuf = torch.zeros(3)"
STEP = "def step(v):\n    buf.fill_(v)\n    return buf"
ENV = """class Env:
    def __init__(self): self.state = np.zeros(2)
    def step(self, v):
        self.state += v
        return self.state
env = Env()"""
CELL = """class Cell:
    def __init__(self): self.h = torch.zeros(2)
    def __call__(self, v):
        self.h.mul_(0.5).add_(v)
        return self.h
cell = Cell()"""
PROGRAMS = {
    "a global": (STEP, ["step(1)", "step(2)", "step(3)"], "return buf.clone()"),
    "a method": (ENV, ["env.step(1)", "env.step(2)", "env.step(3)"], "return self.state.copy()"),
    "an object that is called": (CELL, ["cell(1)", "cell(2)", "cell(3)"], "return self.h.clone()"),
    "a default argument": (
        "def step(v, total=torch.zeros(2)):\n    total += v\n    return total",
        ["step(1)", "step(2)", "step(3)"],
        "return total.clone()",
    ),
    "what it is handed": ("def norm(t):\n    t -= 1\n    return t", ["norm(x)", "norm(x)", "norm(x)"], "t = t - 1"),
}


def run(cells: list[str]) -> list[Report]:
    """Return the reports of all cells."""
    with Notebook() as nb:
        return [nb.run(one) for one in cells]


@pytest.mark.parametrize("is_one_cell", [True, False], ids=["in one cell", "a cell each"])
@pytest.mark.parametrize(("made", "calls", "code"), PROGRAMS.values(), ids=PROGRAMS)
def test_one_edit_mends_all_calls(made: str, calls: list[str], code: str, *, is_one_cell: bool):
    named = [f"{name} = {call}" for name, call in zip("abc", calls, strict=True)]
    cells = [START, made, *(["\n".join(named)] if is_one_cell else named)]
    told = [one["fix"] for one in run(cells)[-1]["changes"] if one["silent"] and one["path"] in RESULTS]
    after = run(apply_fix(cells, told[0]))

    assert [[code]] * len(told) == [[edit["text"].strip() for edit in one["edits"]] for one in told]
    assert [] == [name for each in after for name in silent(each) if name in RESULTS]


@pytest.mark.parametrize(
    ("function", "code"),
    [
        ("def step(v, total=torch.zeros(2)):\n    total += v\n    return total", "total = total + v"),
        ("def step(v, *, total=torch.zeros(2)):\n    total.add_(v)\n    return total", "total = total.add(v)"),
        (STEP, None),
        ("def step(v, kept={'t': torch.zeros(2)}):\n    kept['t'] += v\n    return kept['t']", None),
    ],
)
def test_a_default_argument_is_said_to_keep_what_each_call_writes(function: str, code: str | None):
    with Notebook() as nb:
        for cell in (START, function, "a = step(1)", "b = step(2)"):
            nb.run(cell)
        page = " ".join(nb.cell("%tensorwatch fix a").stdout.split())

    words = f"The default argument still keeps what each call writes; to leave it as it was, {code}."
    assert "Copy it where they begin to share memory" in page
    assert (words in page) == ("The default" in page) == (code is not None)


def test_a_default_for_which_something_is_handed_in_keeps_nothing():
    function = PROGRAMS["a default argument"][0] + "\nhidden = iter([torch.ones(2)] * 2)"
    with Notebook() as nb:
        for cell in (START, function, "a = step(1, next(hidden))", "b = step(2, next(hidden))"):
            nb.run(cell)
        page = nb.cell("%tensorwatch fix a").stdout

    assert "return total.clone()" in page
    assert "The default" not in page


def test_a_copy_in_another_function_mends_nothing():
    cells = [START, CELL + "\nclass Peek(Cell):\n    def peek(self): return self.h\ncell = Peek()"]
    report = run([*cells, "p = cell.peek()", "cell(1)"])[-1]

    assert "p = cell.peek().clone()" == changes(report)["p"]["fix"]["edits"][0]["text"]
