"""Cells that run at the same time, as the subshells of a kernel run them: each is watched for itself."""

from __future__ import annotations

import builtins
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import torch

import ipy_tensorwatch
from tests.support.notebook import Notebook, silent

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = "begun.set()\nx.add_(1)\nassert go_on.wait(20)\nx.add_(1)"
"""A cell that another one runs in the midst of."""


@dataclass
class Overlap:
    """A long cell in a thread of its own, and what this thread does meanwhile."""

    nb: Notebook
    report: dict[str, Any] = field(default_factory=dict)
    outcome: Any = None
    modes_left: int = -1

    def __enter__(self) -> Overlap:
        self.excepthook = sys.excepthook
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.nb.give(begun=self.begun, go_on=self.go_on)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert self.begun.wait(20)
        return self

    def _run(self) -> None:
        self.outcome = self.nb.shell.run_cell(LONG, store_history=True)
        self.report = ipy_tensorwatch.report().to_dict() if self.nb.watched else {}
        self.modes_left = torch._C._len_torch_dispatch_stack()

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self.thread.join(20)
        assert not self.thread.is_alive()
        # IPython swaps it around each statement, without a lock: of two threads, one may put back the other's.
        sys.excepthook = self.excepthook


@pytest.fixture
def nb() -> Iterator[Notebook]:
    with Notebook() as notebook:
        notebook.run("import torch\nx = torch.zeros(4)\ny = x.view(2, 2)\na = torch.zeros(4)\nb = a.view(2, 2)")
        yield notebook


def causes(report: dict[str, Any]) -> dict[str, str]:
    return {one["path"]: one["cause"] for one in report["changes"] if one["kind"] == "mutated"}


def test_each_cell_has_a_report(nb: Notebook):
    with Overlap(nb) as other:
        report = nb.run("b.add_(1);")

    assert (report["cell"]["source"], other.report["cell"]["source"]) == ("b.add_(1);", LONG)
    assert other.outcome.success


def test_what_a_cell_wrote_is_its_own_and_for_the_other_comes_from_outside(nb: Notebook):
    with Overlap(nb) as other:
        report = nb.run("b.add_(1);")

    assert {path: causes(report)[path] for path in "ab"} == {"a": "alias", "b": "direct"}
    assert {path: causes(other.report)[path] for path in "xy"} == {"x": "direct", "y": "alias"}
    assert {causes(other.report).get(path) for path in "ab"} == {"outside"}
    assert {causes(report).get(path) for path in "xy"} <= {"outside", None}


def test_a_write_before_the_other_cell_looked_is_not_lost(nb: Notebook):
    """The other cell's look finds it first; both of the long cell's writes are told as one change."""
    with Overlap(nb) as other:
        nb.run("1;")

    (change,) = [one for one in other.report["changes"] if one["path"] == "x"]
    assert change["versions"] == [0, 2]
    assert {site["text"] for site in change["sites"]} == {"x.add_(1)"}


def test_what_is_frozen_stops_the_operators_of_both_threads_and_leaves_no_mode(nb: Notebook):
    nb.run("%tensorwatch freeze a")
    with Overlap(nb) as other:
        ran = nb.cell("b.add_(1)")
        assert type(ran.error).__name__ == "FrozenError"
        assert nb.cell("1;").error is None
        assert torch._C._len_torch_dispatch_stack() == 0

    assert other.outcome.success
    assert other.modes_left == 0


def test_unloading_lets_the_other_cell_run_to_its_end_and_then_leaves_nothing():
    with Notebook() as nb:
        nb.run("import torch\nx = torch.zeros(4)\nz = torch.zeros(1)\n%tensorwatch freeze z")
        with Overlap(nb) as other:
            nb.unload()
            nb.watched = False
        assert other.outcome.success
        assert other.modes_left == 0
        assert [name for name in vars(builtins) if "tensorwatch" in name] == []
        nb.watched = True
        nb.load()


def test_a_recording_belongs_to_the_thread_of_its_cell(nb: Notebook):
    with Overlap(nb):
        report = nb.run("%%tensordiff\nb.add_(1);")

    assert {write["op"] for write in report["writes"]} == {"aten.add_"}
    assert {path for write in report["writes"] for path in write["paths"]} == {"a", "b"}


def test_a_large_variable_is_looked_at_while_another_cell_may_lead_to_it(nb: Notebook):
    def unverified(report: dict[str, Any]) -> set[str]:
        return {one["path"] for one in report["coverage"]["unverified"]}

    nb.run("rows = [{'id': i, 'tags': [i]} for i in range(3000)]")
    assert {"rows"} == unverified(nb.run("1;"))
    with Overlap(nb):
        report = nb.run("b.add_(1);")

    assert set() == unverified(report)


def test_an_ordinary_cell_afterwards_is_watched_as_ever(nb: Notebook):
    with Overlap(nb):
        nb.run("b.add_(1);")

    assert silent(nb.run("y.mul_(3)")) == {"x"}
