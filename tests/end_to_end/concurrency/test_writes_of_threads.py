"""A thread of the user's that writes while a cell runs: its write is not laid at the door of a statement that waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.notebook import Notebook

WRITER = """
import threading, time, torch
x = torch.zeros(4)
y = x.view(2, 2)
a = torch.zeros(4)
b = a.view(2, 2)
go_on = True
def write():
    while go_on:
        y.add_(1)
        time.sleep(0.001)
thread = threading.Thread(target=write, daemon=True)
"""


@pytest.fixture
def written(notebook: Notebook) -> Iterator[Notebook]:
    notebook.run(WRITER.strip())
    notebook.run("thread.start()")
    yield notebook
    notebook.cell("go_on = False\nthread.join()")


def causes(report: dict[str, Any]) -> dict[str, str]:
    return {one["path"]: one["cause"] for one in report["changes"] if one["kind"] == "mutated"}


def test_it_is_told_as_one_from_outside(written: Notebook):
    report = written.run("time.sleep(0.3)")

    assert causes(report) == {"x": "outside", "y": "outside"}
    assert [one["sites"] for one in report["changes"] if one["kind"] == "mutated"] == [[], []]


def test_what_the_cell_itself_wrote_stays_its_own(written: Notebook):
    report = written.run("b.add_(1)\ntime.sleep(0.3)")

    assert {path: causes(report)[path] for path in "ab"} == {"a": "alias", "b": "direct"}


def test_a_statement_that_names_the_memory_is_told_all_the_same(written: Notebook):
    report = written.run("y.mul_(1.5)\ntime.sleep(0.3)")

    assert causes(report)["y"] == "direct"


def test_without_a_thread_a_call_that_nobody_can_read_is_told(notebook: Notebook):
    notebook.run(WRITER.strip())
    report = notebook.run("import functools\nfunctools.partial(y.add_, 1)();")

    assert causes(report)["x"] in ("alias", "call")
