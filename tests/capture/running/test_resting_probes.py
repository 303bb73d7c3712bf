"""A resting probe is a function of C that notes that its statement ran; a clock wakes one statement after another."""

from __future__ import annotations

import threading
from collections import deque
from types import BuiltinFunctionType, ModuleType

import pytest

from ipy_tensorwatch.capture.running.resting_probes import RestingProbes
from ipy_tensorwatch.capture.runtime.threads import OWN
from ipy_tensorwatch.core.syntax.probe_insertion import make_probes, probe_name
from ipy_tensorwatch.shell import extension
from tests.support.notebook import Notebook


class Statements:
    """Three statements of a loop whose probes rest, and what their full probes are told."""

    def __init__(self, *, stamps: bool = False) -> None:
        self.probes: ModuleType = make_probes({})
        self.built: deque[tuple[int, int]] = deque()
        self.entered: list[int] = []
        self.resting = RestingProbes(self.probes, self.built)
        self.resting.begin({index: lambda index=index: self._enter(index) for index in range(3)})
        for index in range(3):
            self.resting.rest(index, stamps=stamps)

    def run(self, *indices: int) -> list[int]:
        """Run statements, and return those that were entered in full."""
        self.entered.clear()
        for index in indices:
            getattr(self.probes, probe_name(index))()
        return [*self.entered]

    def _enter(self, index: int) -> None:
        self.entered.append(index)
        self.resting.follow(index)


def test_at_rest_no_code_in_python_runs():
    statements = Statements()

    assert all(type(getattr(statements.probes, f"p{index}")) is BuiltinFunctionType for index in range(3))
    assert statements.run(0, 1, 2, 0) == []


@pytest.mark.parametrize("stamps", [False, True])
def test_the_statements_that_ran_at_rest_are_known_once(stamps: bool):
    statements = Statements(stamps=stamps)
    statements.run(2, 0, 2)

    assert sorted(statements.resting.take_ran()) == [0, 2]
    assert statements.resting.take_ran() == []


def test_where_graphs_are_built_each_entry_is_noted_in_order():
    statements = Statements(stamps=True)
    statements.run(0, 2, 1, 2)

    assert [index for _, index in statements.built] == [0, 2, 1, 2]


def test_a_statement_that_rests_again_is_still_known_to_have_run():
    statements = Statements()
    statements.run(1)
    statements.resting.rest(1, stamps=False)

    assert statements.resting.take_ran() == [1]


def test_each_call_wakes_the_next_statement_and_the_one_that_follows_it():
    statements = Statements()
    statements.resting.wake()
    assert statements.run(1, 2, 0, 1, 2, 0) == [0, 1]

    statements.resting.wake()
    assert statements.run(0, 1, 2, 0, 1, 2) == [1, 2]


def test_all_are_woken_where_the_next_one_is_not_reached():
    statements = Statements()
    statements.resting.wake()
    assert statements.run(1, 2, 1, 2) == []

    statements.resting.wake()
    assert statements.run(1, 2, 1, 2) == [1, 2]


LOOP = """
from time import time
end = time() + 20
while (looks() < 40 or not ours()[0]) and time() < end:
    z = z + 1
looks()
"""


@pytest.fixture
def nb():
    with Notebook(settings={"probe_floor": 0.001, "probe_share": 0.05}) as nb:
        [loaded] = extension._loaded
        nb.give(
            looks=lambda: len(loaded.watcher.running.write_log.outside),
            ours=lambda: (len(OWN), len(threading.enumerate())),
        )
        nb.run("import torch\nz = torch.zeros(4)\ny = z.view(2, 2)")
        yield nb


def test_a_long_loop_is_looked_into(nb: Notebook):
    assert nb.cell(LOOP).result >= 40


def test_the_clock_is_no_thread_of_the_programs_and_ends_with_the_cell(nb: Notebook):
    before = threading.enumerate()
    ran = nb.cell(LOOP + "ours()")

    assert ran.result == (1, len(before))
    for _ in range(1000):
        if not OWN:
            break
        threading.Event().wait(0.01)
    assert not OWN
