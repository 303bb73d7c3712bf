"""A device that still works when its cell has ended is not waited for: the cell is completed later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.device_notebook import finish, notebook_on
from tests.support.notebook import Notebook, changes, lines, mutated, silent

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
import torch
x = torch.arange(6.0, device="sim")
y = x[:3]
w = torch.ones(3, device="sim", requires_grad=True)
h = w.exp()
loss = h.sum()
"""
BUSY = "its device is still working"
WORK = 1.0
"""Seconds of work: more than the cells of these tests take."""


@pytest.fixture
def nb(device: Any) -> Iterator[Notebook]:
    with notebook_on(device, SETUP) as watched:
        yield watched


def work(device: Any, nb: Notebook, cell: str) -> None:
    device.work(WORK)
    report = nb.run(cell)
    assert device.is_busy()
    assert mutated(report) == set()
    assert {one["path"] for one in report["coverage"]["unverified"] if one["why"] == BUSY} >= {"x", "y", "h"}
    assert report["coverage"]["verified_bytes"] < report["coverage"]["bytes"]


def test_the_report_read_later_says_what_the_cell_wrote(device: Any, nb: Notebook):
    work(device, nb, "x.data.add_(1);")
    finish(device)
    report = nb.report()

    assert {path: lines(one) for path, one in changes(report, "mutated").items()} == {"x": {1}, "y": {1}}
    assert silent(report) == {"y"}
    assert all(one["verified"] and one["since"] is None for one in report["changes"])
    assert report["coverage"]["unverified"] == []
    assert device.counts()["waits"] == 0


def test_the_next_cell_says_what_the_last_one_wrote_and_is_not_charged_with_it(device: Any, nb: Notebook):
    work(device, nb, "x.data.add_(1);")
    count = nb.report()["cell"]["count"]
    finish(device)
    ran = nb.cell("a = 1")

    assert f"[{count}]  1 silent change" in ran.stdout
    assert ran.stdout.count("silent change") == 1
    assert mutated(nb.report()) == set()
    assert device.counts()["waits"] == 0


def test_cells_that_the_device_has_not_reached_yet_are_each_told_for_themselves(device: Any, nb: Notebook):
    work(device, nb, "x.data.add_(1);")
    first = nb.report()["cell"]["count"]
    nb.cell("h.data.mul_(2);")
    finish(device)
    ran = nb.cell("%tensorwatch history y h")
    told = "".join(nb.said[-1:]) + ran.stdout

    assert f"[{first}]  1 silent change" in told
    assert mutated(nb.report()) == set()


def test_a_hazard_is_told_of_the_cell_that_made_it(device: Any, nb: Notebook):
    work(device, nb, "h.data.mul_(2);")
    count = nb.report()["cell"]["count"]
    finish(device)
    nb.cell("a = 1")

    (hazard,) = nb.report()["hazards"]
    assert (hazard["code"], hazard["outcome"]) == ("TW202", "wrong")
    assert hazard["written_cell"] == count


def test_a_cell_that_waits_itself_is_complete_when_it_ends(device: Any, nb: Notebook):
    device.work(0.2)
    report = nb.run("x.data.add_(1)\ntotal = x.sum().item()")

    assert silent(report) == {"y"}
    assert report["coverage"]["unverified"] == []


def test_nothing_is_launched_while_the_stream_is_captured(device: Any, nb: Notebook):
    report = nb.run("device.capture(True)")
    launches = device.counts()["launches"]
    nb.run("device.capture(False)\nx.data.add_(1)")

    assert {one["why"] for one in report["coverage"]["unverified"]} == {"its device's stream is being captured"}
    assert launches == 0
    assert silent(nb.report()) == {"y"}


def test_a_device_without_memory_left_is_listed_and_the_cell_goes_on(device: Any, nb: Notebook):
    device.limit(1)
    try:
        report = nb.run("a = x.shape")
    finally:
        device.limit(1 << 34)

    assert mutated(report) == set()
    assert {one["why"] for one in report["coverage"]["unverified"]} == {"its device failed, or is out of memory"}
