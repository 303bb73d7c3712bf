"""What a `non_blocking` copy brings to the host is the doing of the statement that asked for it, whenever it arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.device_notebook import finish, notebook_on
from tests.support.notebook import Notebook, changes, lines, mutated, silent

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
import torch
x = torch.arange(1.0, 7.0, device="sim")
host = torch.zeros(6).pin_memory()
alias = host.numpy()
plain = torch.zeros(6)
"""
WORK = 1.5
"""How long the device works, in seconds: longer than a busy machine takes to ask for the copies."""
BUSY = "its device is still working"


@pytest.fixture
def nb(device: Any) -> Iterator[Notebook]:
    with notebook_on(device, SETUP) as watched:
        yield watched


ASK = "a = 1\nhost.copy_(x, non_blocking=True);\ny = x.to('cpu', non_blocking=True)"
FOUND = {"host": ({2}, True), "alias": ({2}, None)}


def found(report: Any) -> dict[str, tuple[set[int], bool | None]]:
    return {path: (lines(one), one["versioned"]) for path, one in changes(report, "mutated").items()}


def test_what_arrives_while_the_cell_waits_is_told_with_the_line_that_asked(device: Any, nb: Notebook):
    device.work(WORK)
    report = nb.run(f"{ASK}\nb = 2\ndevice.synchronize()\nc = 3")

    assert (found(report), silent(report)) == (FOUND, {"alias"})
    assert nb.ns["host"].tolist() == nb.ns["y"].tolist() == [1, 2, 3, 4, 5, 6]


def test_a_stream_whose_query_failed_once_is_asked_again(device: Any, nb: Notebook):
    device.tell_streams(False)
    try:
        nb.run("q = 1")
    finally:
        device.tell_streams(True)
    device.work(WORK)
    report = nb.run(f"{ASK}\nb = 2\ndevice.synchronize()\nc = 3")

    assert (found(report), silent(report)) == (FOUND, {"alias"})


def test_what_arrives_before_the_next_cell_is_told_for_the_cell_that_asked(device: Any, nb: Notebook):
    device.work(WORK)
    first = nb.run(ASK)
    listed = {one["path"] for one in first["coverage"]["unverified"] if one["why"] == BUSY}
    finish(device)
    report = nb.report()

    assert listed == {"x", "host", "alias", "y"}
    assert (found(report), silent(report)) == (FOUND, {"alias"})
    assert report["coverage"]["unverified"] == []
    assert {one["elements"]["changed"] for one in changes(report, "mutated").values()} == {6}


def test_what_arrives_while_the_next_cell_runs_is_told_for_the_cell_that_asked(device: Any, nb: Notebook):
    device.work(WORK)
    count = nb.run(ASK)["cell"]["count"]
    ran = nb.cell("device.synchronize()")
    later = nb.report()
    again = nb.cell("d = 1")

    told = ran.stdout + again.stdout
    assert (mutated(later), mutated(nb.report())) == (set(), set())
    assert (f"[{count}]  1 silent change" in told, told.count("silent change")) == (True, 1)
    assert "changed through host" in told


def test_what_the_next_cell_writes_itself_is_its_own(device: Any, nb: Notebook):
    device.work(WORK)
    nb.run(ASK)
    report = nb.run("device.synchronize()\nhost.add_(1)\nalias[0] = 9\nplain.numpy()[1] = 3")

    assert found(report)["host"][1]
    assert {"host", "alias", "plain"} == mutated(report)


def test_a_write_by_numpy_to_other_memory_is_found_while_the_device_works(device: Any, nb: Notebook):
    device.work(WORK)
    report = nb.run("a = 1\nplain.numpy()[0] = 1\nb = 2")

    assert found(report) == {"plain": ({2}, False)}


def test_what_a_late_copy_overwrote_is_restored(device: Any, nb: Notebook):
    device.work(WORK)
    nb.run("host.copy_(x, non_blocking=True);")
    finish(device)
    nb.run("%tensorwatch restore host")

    assert nb.ns["host"].tolist() == [0, 0, 0, 0, 0, 0]
