"""Fixes that are tried: what a trial must not call safe, and what it must not touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from ipy_tensorwatch.core.runtime.guard import GUARD
from tests.support.notebook import Notebook

if TYPE_CHECKING:
    from tests.support.notebook import Change

START = "import torch\nx = torch.arange(6.)"
SHARE, WRITE = "y = x.detach()", "y.add_(1)"


def last_change(cells: list[str], path: str = "x") -> Change:
    """Run cells; return the last silent change of a path. No action of ours may fail."""
    with Notebook() as nb:
        for cell in cells:
            nb.cell(cell)
        [found] = [one for one in nb.report()["changes"] if one["path"] == path and one["silent"]]
        assert [] == [one.text for one in GUARD.faults]
    return found


@pytest.mark.parametrize(
    "reads",
    [
        "%%time\ntotal = x.sum()", "%%capture\ntotal = x.sum()", "%time total = x.sum()", "exec('total = x.sum()')",
        "total = eval('x').sum()", "total = globals()['x'].sum()", "code = 'total = x.sum()'; exec(code)",
        "total = vars()['x'].sum()", "x\ntotal = 0",
    ],
)  # fmt: skip
def test_a_value_read_in_a_hidden_way_is_not_forgotten(reads: str):
    more = ["x", "total = _.sum()"] if reads.startswith("x") else [reads]

    assert "unsafe" == last_change([START, SHARE, WRITE, *more, WRITE])["fix"]["applicability"]


@pytest.mark.parametrize(
    "own",
    [
        "import math as np", "from builtins import len as sum", "def mine(a):\n    return a * 2\ntorch.mine = mine", "setattr(torch, 'mine', 3)",
    ],
)  # fmt: skip
def test_a_trial_needs_libraries_that_mean_what_they_are(own: str):
    try:
        found = last_change([START, own, SHARE, WRITE])
    finally:
        vars(torch).pop("mine", None)

    assert "unsafe" == found["fix"]["applicability"]


def test_a_variable_named_like_a_builtin_is_followed():
    cells = [START, "input = x.detach()", "input.add_(1)", "total = input.sum() + x.sum()", "input.add_(1)"]

    assert "unsafe" == last_change(cells)["fix"]["applicability"]


@pytest.mark.parametrize(
    "harmless",
    ["%%time\nz = x + 1", "exec('z = 3')", "torch.backends.cudnn.benchmark = False", "for _ in range(2):\n    z = _"],
)
def test_what_reads_nothing_else_does_not_hinder_a_trial(harmless: str):
    assert "safe" == last_change([START, harmless, SHARE, WRITE])["fix"]["applicability"]


@pytest.mark.parametrize(
    ("beside", "expected"),
    [
        ("x = x.bfloat16()", "safe"),
        ("x = x.half()", "safe"),
        ("s = x.to('meta')", "unsafe"),
        ("s = torch.quantize_per_tensor(x, 0.1, 0, torch.quint8)", "unsafe"),
        ("s = torch.nested.nested_tensor([x, x])", "unsafe"),
    ],
)
def test_tensors_of_every_kind_are_compared_or_leave_it_open(beside: str, expected: str):
    assert expected == last_change([START + "\n" + beside, SHARE, WRITE])["fix"]["applicability"]


@pytest.mark.parametrize(
    "large",
    ["x = torch.ones(n, n)", "x = torch.ones(n)\nz = (x[:, None] * x[None, :]).sum()", "x = torch.ones(n * n)[:3]"],
)
def test_large_tensors_are_not_made_again(large: str):
    assert "unsafe" == last_change(["import torch\nn = 1100\n" + large, SHARE, WRITE])["fix"]["applicability"]


@pytest.mark.parametrize(
    "endless",
    [
        "k = [0 for i in range(n) for j in range(n) if x is None]",
        "def f(m):\n    return m if m < 2 else f(m - 1) + f(m - 2)\nk = x[0] * f(25)",
    ],
)
def test_a_trial_ends_on_time(endless: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ipy_tensorwatch.shell.fix_trials.SECONDS", 0.01)

    assert "unsafe" == last_change([START + "\nn = 1000", SHARE, endless, WRITE])["fix"]["applicability"]


@pytest.mark.parametrize("cells", [[SHARE, WRITE], [f"{SHARE}\n{WRITE}"]])
def test_the_fix_of_cells_that_ran_twice_is_in_their_last_run(cells: list[str]):
    found = last_change([START, *cells, *cells])

    assert ("safe", [len(cells) + 2]) == (
        found["fix"]["applicability"],
        [one["cell"] for one in found["fix"]["edits"]],
    )


def test_a_view_bound_to_something_else_at_the_end_is_still_named():
    with Notebook() as nb:
        nb.run(START)
        told = nb.cell("y = x.detach()\ny.add_(1)\ny = 3").told

    assert "x and y share memory since cell 2, line 1" in told
