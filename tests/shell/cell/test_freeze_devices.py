"""Frozen memory of a device: writes that nothing stops are undone there, and nothing waits for a device at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ipy_tensorwatch.core.records.freezing import FrozenError
from tests.support.notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
import torch
x = torch.arange(6.0, device="sim").view(2, 3)
y = x.data
row = x[1]
z = torch.ones(3, device="sim")
"""


@pytest.fixture
def nb(device: Any) -> Iterator[Notebook]:
    with Notebook() as watched:
        watched.give(device=device)
        watched.run(SETUP)
        watched.cell("%tensorwatch freeze x z")
        device.counts()
        yield watched


def values(nb: Notebook) -> tuple[list[float], list[float]]:
    return nb.ns["x"].flatten().tolist(), nb.ns["z"].tolist()


AS_BEFORE = ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 1.0, 1.0])


@pytest.mark.parametrize("cell", ["x.add_(1)", "y.add_(1)", "torch.add(row, 1, out=row)"])
def test_an_operator_is_stopped(nb: Notebook, cell: str):
    assert isinstance(nb.cell(cell).error, FrozenError)
    assert values(nb) == AS_BEFORE


UNDONE = [
    "device.add_at(z.data_ptr(), 3, 1.0)",
    "a = 1\ndevice.add_at(x.data_ptr(), 2, 1.0)\nb = 2",
    "x.data = torch.zeros(2, 3, device='sim')",
]


@pytest.mark.parametrize("cell", UNDONE)
def test_a_write_without_an_operator_is_undone_and_told_with_its_line(device: Any, nb: Notebook, cell: str):
    ran = nb.cell(cell)
    counts = device.counts()

    assert isinstance(ran.error, FrozenError)
    assert f"(line {2 if 'a = 1' in cell else 1})" in str(ran.error)
    assert counts["waits"] == 0
    assert values(nb) == AS_BEFORE


def test_what_a_device_at_work_wrote_is_undone_in_its_turn_and_told_before_the_next_cell(device: Any, nb: Notebook):
    device.work(1.0)
    ran = nb.cell("device.add_at(z.data_ptr(), 3, 1.0)")
    was_busy, waits = device.is_busy(), device.counts()["waits"]
    while device.is_busy():
        pass
    later = nb.cell("a = 1")

    assert (True, 0, None) == (was_busy, waits, ran.error)
    assert "z" in later.stdout + "".join(nb.said[-1:])
    assert values(nb) == AS_BEFORE


def test_equal_bytes_and_the_memory_beside_are_free_to_write(nb: Notebook):
    nb.cell("%tensorwatch thaw x")
    nb.cell("%tensorwatch freeze row")
    ran = nb.cell("device.add_at(x.data_ptr(), 3, 1.0)\ndevice.add_at(z.data_ptr(), 3, 0.0)")

    assert ran.error is None
    assert values(nb) == ([1.0, 2.0, 3.0, 3.0, 4.0, 5.0], [1.0, 1.0, 1.0])


def test_nothing_is_put_back_while_the_stream_is_captured(device: Any, nb: Notebook):
    nb.cell(
        "device.capture(True)\nlaunched = device.counts()\na = 1\nb = 2\nlaunched = device.counts()['launches']\ndevice.capture(False)"
    )

    assert nb.ns["launched"] == 0


def test_what_another_stream_still_writes_is_not_taken_for_what_is_to_stay(device: Any, nb: Notebook):
    nb.cell("%tensorwatch thaw x z")
    nb.run("side = torch.Stream(x.device)")
    nb.run("a = 1")
    with nb.ns["side"]:
        device.work(1.0)
        device.add_late(nb.ns["z"].data_ptr(), 3, 1.0)
    told = nb.cell("%tensorwatch freeze z")
    was_busy, waits = device.is_busy(), device.counts()["waits"]
    while device.is_busy():
        pass
    ran = nb.cell("a = 1")
    stopped = nb.cell("z.add_(1)")

    assert (was_busy, waits, told.error, ran.error) == (True, 0, None, None)
    assert isinstance(stopped.error, FrozenError)
    assert nb.ns["z"].tolist() == [2.0, 2.0, 2.0]
