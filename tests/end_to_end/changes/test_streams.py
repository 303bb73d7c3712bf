"""Work on several streams of a device: what another stream still writes is not taken for what it is going to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.device_notebook import finish, notebook_on
from tests.support.notebook import Notebook, changes, mutated

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
import torch
x = torch.arange(6.0, device="sim")
y = x.data
class Loader:
    def __init__(self): self.stream = torch.Stream("sim:0")
def fetch(stream):
    with stream:
        device.work(1.0)
        device.add_late(x.data_ptr(), 6, 1.0)
loader, table, aside = Loader(), {"copying": torch.Stream("sim:0")}, torch.Stream("sim:0")
def go(stream=torch.Stream("sim:0")): fetch(stream)
"""
BUSY = "its device is still working"
HOLDERS = ["fetch(loader.stream)", "fetch(table['copying'])", "fetch(aside)"]
SEEN = "with go.__defaults__[0]:\n    device.counts()\n    a = 1"
"""Uses a stream that no variable holds."""


@pytest.fixture
def nb(device: Any) -> Iterator[Notebook]:
    with notebook_on(device, SETUP) as watched:
        yield watched


def late(device: Any, nb: Notebook, cell: str) -> dict[str, Any]:
    """Run a cell that leaves a stream with a write; return the changes found when it is done."""
    report = nb.run(f"{cell}\na = 1\nb = 2")
    assert device.is_busy()
    assert mutated(report) == set()
    assert {one["path"]: one["why"] for one in report["coverage"]["unverified"]} == dict.fromkeys("xy", BUSY)
    finish(device)
    nb.run("c = 3")
    assert device.counts()["waits"] == 0
    return changes(nb.report(), "mutated")


@pytest.mark.parametrize("cell", HOLDERS)
def test_what_a_stream_that_a_variable_leads_to_still_writes_is_found_when_it_is_done(
    device: Any, nb: Notebook, cell: str
):
    assert {path: one["since"] for path, one in late(device, nb, cell).items()} == dict.fromkeys("xy", 1)


def test_what_a_stream_that_was_once_in_use_still_writes_is_found_when_it_is_done(device: Any, nb: Notebook):
    nb.run(SEEN)

    assert {path: one["since"] for path, one in late(device, nb, "go()").items()} == dict.fromkeys("xy", 2)


def test_while_another_stream_works_no_look_is_launched_between_statements(device: Any, nb: Notebook):
    nb.run(SEEN)
    cell = "a = 1\nx.add_(1)\ngo()\ndevice.counts()\nb = 1\nc = 2\nlaunched = device.counts()['launches']"
    nb.run(cell)

    assert nb.ns["launched"] == 0


def test_digests_under_way_are_not_believed_once_another_stream_is_used(device: Any, nb: Notebook):
    nb.run(SEEN)
    device.work(1.0)
    first = nb.run("d = 1")
    nb.cell("with aside:\n    a = 1\n    device.add_at(x.data_ptr(), 6, 1.0)\n    b = 1")
    finish(device)

    assert {one["why"] for one in first["coverage"]["unverified"]} == {BUSY}
    assert {path: one["since"] for path, one in changes(nb.report(), "mutated").items()} == dict.fromkeys("xy", 2)


def test_a_stream_that_is_done_holds_up_no_look(device: Any, nb: Notebook):
    report = nb.run("with aside:\n    a = 1\nx.data.add_(1)\nb = 2")

    assert {path: one["sites"][0]["line"] for path, one in changes(report, "mutated").items()} == dict.fromkeys("xy", 3)
    assert report["coverage"]["unverified"] == []


def test_the_stream_in_use_is_in_order_with_itself(device: Any, nb: Notebook):
    nb.cell("here = torch.accelerator.current_stream()")
    device.work(1.0)
    report = nb.run("x.data.add_(1);")
    finish(device)

    assert {one["why"] for one in report["coverage"]["unverified"]} == {BUSY}
    assert mutated(nb.report()) == {"x", "y"}
