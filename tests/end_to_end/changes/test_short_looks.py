"""Where looks while a cell runs have no time, what is told stays as quiet as where they have all of it."""

from __future__ import annotations

import itertools
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipy_tensorwatch.capture.running.memory_watch.look_budget import LookBudget
from ipy_tensorwatch.shell import extension
from ipy_tensorwatch.shell.watcher import COLD
from tests.end_to_end.changes.test_random_cells import joined
from tests.support import oracle
from tests.support.notebook import Notebook, changes, silent
from tests.support.programs import Program, programs

SETTING = """
import torch
from torch import nn
net = nn.Linear(2, 1)
opt = torch.optim.SGD(net.parameters(), lr=0.1)
def step():
    opt.zero_grad()
    net(torch.ones(2)).sum().backward()
    opt.step()
"""
READ_AND_BOUND_ANEW = """
for turn in range(6):
    step()
    state = net.state_dict()
    for key in state:
        print(state[key].sum().item())
del state
"""
READ_AFTER_THE_STEP = """
state = net.state_dict()
for turn in range(6):
    step()
    print(state["weight"].sum().item())
    state = net.state_dict()
"""


def told_with_gaps(cell: str, period: int, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the silent changes of a cell in which one of so many looks between statements has time."""
    turns = itertools.cycle([True] + [False] * (period - 1))
    with Notebook() as nb:
        nb.run(SETTING)
        with monkeypatch.context() as patched:
            patched.setattr(LookBudget, "has_time", lambda *_, **__: next(turns))
            return {path.partition("[")[0] for path in silent(nb.run(cell))}


@pytest.mark.parametrize("period", [1, 2, 3, 4, 5, 7])
def test_a_state_that_each_turn_reads_before_it_is_written_is_no_news(period: int, monkeypatch: pytest.MonkeyPatch):
    assert told_with_gaps(READ_AND_BOUND_ANEW, period, monkeypatch) == set()


@pytest.mark.parametrize("period", [1, 2])
def test_a_state_that_is_read_after_the_step_is_told(period: int, monkeypatch: pytest.MonkeyPatch):
    assert told_with_gaps(READ_AFTER_THE_STEP, period, monkeypatch) == {"state"}


@pytest.mark.parametrize("read", [1, 2, 3, 4])
def test_a_name_that_may_have_been_bound_anew_before_the_write_is_not_told(read: int, monkeypatch: pytest.MonkeyPatch):
    seconds = itertools.chain([1.0] * read, itertools.repeat(0.0))
    with Notebook() as nb:
        nb.run("import torch")
        monkeypatch.setattr(LookBudget, "has_time", lambda *_, **__: True)
        monkeypatch.setattr(LookBudget, "left", lambda *_: next(seconds))
        told = silent(nb.run("a = torch.zeros(2)\ny = a\na = torch.ones(2)\ny.add_(1)\nprint(a)"))

    assert told == set()


@given(programs(), st.lists(st.booleans(), min_size=1, max_size=12))
def test_what_is_observed_is_true_whatever_time_looks_had(program: Program, has_time: list[bool]):
    turns = itertools.cycle(has_time)
    namespace: dict[str, Any] = {}
    with patch.object(LookBudget, "has_time", lambda *_, **__: next(turns)), Notebook() as nb:
        for source in (program.cells[0].source, joined(program).source):
            before = oracle.copies(namespace)
            written = oracle.run_by_line(source, namespace)
            verdict = oracle.compare(before, oracle.walk(namespace))
            written.tell_born(verdict, oracle.walk(namespace))
            nb.cell(source)
        told = changes(nb.report(), "mutated")

    assert verdict.mutated - verdict.born.keys() - told.keys() == set()
    for path in told.keys() & verdict.mutated - written.left.keys():
        observed = {site["line"] for site in told[path]["sites"] if site["certainty"] == "observed"}
        assert observed - written.lines.get(path, set()) - written.idle.get(path, set()) == set()
        born = told[path]["born"]
        assert born is None or born["certainty"] == "inferred" or born["line"] == verdict.born[path]


DEFINING = """
import math
from dataclasses import dataclass
def f(n=1): return n
class A:
    k = 2
    def g(self): return self.k
x.add_(1)
"""


def test_no_look_follows_what_only_imports_and_defines():
    looks: list[int] = []

    def note() -> None:
        looks.append(len(extension._loaded[0].watcher.running.write_log.outside))

    with Notebook(settings={"probe_floor": 2.0}) as nb:
        nb.give(note=note)
        nb.cell("import torch\nx = torch.ones(2)\ny = x.detach()")
        nb.cell(f"note()\n{DEFINING}note()\n")
        [change] = [one for one in nb.report()["changes"] if one["silent"]]

    assert looks == [1, 3]  # after the first `note()`, and after the write
    assert [(one["line"], one["certainty"]) for one in change["sites"]] == [(9, "observed")]


def test_the_first_cell_has_more_time_for_looks_as_none_of_our_code_has_run():
    floors: list[float] = []

    def note() -> None:
        floors.append(extension._loaded[0].watcher.running.write_log.look_budget.floor)

    with Notebook(settings={"probe_floor": 0.001}) as nb:
        nb.give(note=note)
        nb.cell("note()")
        nb.cell("note()")

    assert floors == [COLD * 0.001, 0.001]
