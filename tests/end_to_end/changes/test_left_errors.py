"""An error that a launch of the user's left unread is met by the user's own code: nothing of ours reads or clears it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from ipy_tensorwatch.capture.device import left_errors
from tests.support.accelerator import DEVICE
from tests.support.notebook import Notebook, changes

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
import torch
x = torch.arange(6.0, device="sim")
y = x.data
host = torch.zeros(6).pin_memory()
side = torch.Stream(x.device)
"""
LEAVE = "device.leave_error('invalid configuration argument')"
FAILED = "its device failed, or is out of memory"


@pytest.fixture(autouse=True)
def error(device: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the errors that are left on the test accelerator be seen as those of CUDA are."""
    if DEVICE == "sim":
        monkeypatch.setattr(left_errors, "peek_of", lambda _: device.has_left_error)
    yield
    device.leave_error("")


CELLS = {
    "at the end of a cell": [f"y.add_(1)\n{LEAVE}", "a = 1", "x.add_(1);", "x.add_(1);"],
    "between statements": [f"y.add_(1)\n{LEAVE}\na = 1\nb = 2\nx.add_(1)", "x.add_(1);"],
    "with what a device at work tells later": ["y.add_(1)\ndevice.work(0.3)", LEAVE, "a = 1", "x.add_(1);"],
    "with a copy under way": [f"host.copy_(x, non_blocking=True)\ndevice.work(0.3)\n{LEAVE}", "a = 1", "x.add_(1);"],
    "with a stream at work": [f"with side: device.work(0.3)\n{LEAVE}", "a = 1", "x.add_(1);", "x.add_(1);"],
    "with frozen bytes": ["%tensorwatch freeze x", f"{LEAVE}\na = 1", "b = 1", "x.sum();"],
    "with counts to come": ["y.add_(1);", LEAVE, "%tensorwatch", "a = 1", "x.add_(1);"],
    "with bytes to restore": ["y.add_(1);", LEAVE, "%tensorwatch restore x", "z = x + 1"],
    "with a fix to try": ["y.add_(1);", LEAVE, "%tensorwatch fix", "z = x + 1"],
}


def outcomes(device: Any, cells: list[str], *, watched: bool) -> list[str | None]:
    told = []
    with Notebook(watched=watched) as nb:
        nb.give(device=device)
        for cell in [SETUP, *cells]:
            if watched or not cell.startswith("%"):
                error = nb.cell(cell).error
                told += [None if error is None else f"{type(error).__name__}: {error}".splitlines()[0]]
    while device.is_busy():
        time.sleep(0.01)
    return [one for cell, one in zip([SETUP, *cells], told, strict=False) if not cell.startswith("%")]


@pytest.mark.parametrize("case", CELLS)
def test_the_statement_that_would_have_met_it_meets_it(device: Any, case: str):
    plain = outcomes(device, [one for one in CELLS[case] if not one.startswith("%")], watched=False)

    assert outcomes(device, CELLS[case], watched=True) == plain
    assert [one for one in plain if one] == [one for one in plain if one][:1] != []


def test_what_is_not_compared_meanwhile_is_listed_and_found_later(device: Any):
    with Notebook() as nb:
        nb.give(device=device)
        nb.run(SETUP)
        nb.cell(f"y.add_(1)\n{LEAVE}")
        listed = nb.report()
        nb.cell("x.sum();")
        found = changes(nb.report(), "mutated")

    assert {one["why"] for one in listed["coverage"]["unverified"]} == {FAILED}
    assert {path: one["since"] for path, one in found.items()} == {"x": 1, "y": 1}
