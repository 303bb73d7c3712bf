"""Tensors in memory that another library owns: grouped by address, and what anybody writes there is found."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest

from ipy_tensorwatch.core.records.freezing import FrozenError
from tests.support.accelerator import DEVICE
from tests.support.guests import ForeignArray, lent
from tests.support.notebook import Notebook, Report, changes, lines, mutated, silent

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
import torch
pool = torch.zeros(64, device="sim")
start = pool.data_ptr()
array, beside = ForeignArray(pool, start, 6), ForeignArray(pool, start + 12, 6)
far = ForeignArray(pool, start + 100, 4)
a, b = torch.from_dlpack(array), torch.from_dlpack(array)
c = torch.from_dlpack(beside)
d = torch.from_dlpack(far)
del pool, array.owner, beside.owner, far.owner
"""
"""`a` and `b` are two guests of one array, `c` shares three elements with them and begins between two words of 8 bytes."""


@pytest.fixture
def nb(device: Any) -> Iterator[Notebook]:
    with Notebook() as watched:
        watched.give(device=device, ForeignArray=ForeignArray)
        watched.run(SETUP)
        device.counts()
        yield watched


def counted(report: Report) -> dict[str, tuple[set[int], int | None, bool]]:
    """Return for each path the lines that wrote, how many elements changed, and whether its version moved."""
    return {
        path: (lines(one), one["elements"]["changed"], one["versioned"])
        for path, one in changes(report, "mutated").items()
    }


def test_guests_of_one_memory_are_grouped_by_address(nb: Notebook):
    (group,) = nb.run("e = 1")["groups"]

    assert group["members"] == ["a", "b", "c"]
    assert {(one["a"], one["b"]): one["relation"] for one in group["pairs"]} == {
        ("a", "b"): "same-elements",
        ("a", "c"): "overlap",
        ("b", "c"): "overlap",
    }
    assert {one["how"] for one in group["origins"]} == {"DLPack"}


CELLS = {
    "e = 1\na.add_(1)\ne = 2": {"a": ({2}, 6, True), "b": ({2}, 6, False), "c": ({2}, 3, False)},
    "e = 1\nc.data[4:] = 7\ne = 2": {"c": ({2}, 2, False)},
    "e = 1\ndevice.add_at(array.address, 2, 1.0)\ne = 2": {"a": ({2}, 2, False), "b": ({2}, 2, False)},
    "device.add_at(far.address, 4, 1.0)\ne = 1\nb[5] = 2": {
        "a": ({3}, 1, False),
        "b": ({3}, 1, True),
        "c": ({3}, 1, False),
        "d": ({1}, 4, False),
    },
}


@pytest.mark.parametrize("cell", CELLS)
def test_what_any_of_them_or_the_library_writes_is_found_in_all_that_share_it(device: Any, nb: Notebook, cell: str):
    report = nb.run(cell)

    assert counted(report) == CELLS[cell]
    assert report["coverage"]["unverified"] == []
    assert device.counts()["waits"] == 0


def test_a_large_guest_that_begins_between_two_words_is_compared(nb: Notebook):
    nb.run(
        "pool = torch.zeros(1 << 20, device='sim')\nlarge = torch.from_dlpack(ForeignArray(pool, pool.data_ptr() + 4, 1 << 19))"
    )
    report = nb.run("pool.data[1 << 19] = 3")
    beyond = nb.run("pool.data[(1 << 19) + 1] = 3")

    assert (mutated(report), silent(report)) == ({"pool", "large"}, {"large"})
    assert mutated(beyond) == {"pool"}


def test_freezing_one_guest_stops_the_others_and_undoes_the_library(nb: Notebook):
    nb.cell("%tensorwatch freeze c")
    stopped = [nb.cell(cell).error for cell in ("a[4] = 9", "b.data.add_(1)", "torch.add(a, 1, out=a)")]
    free = nb.cell("a[0] = 9").error
    undone = nb.cell("device.add_at(array.address, 6, 1.0)").error

    assert {type(one) for one in stopped} == {FrozenError}
    assert (free, type(undone)) == (None, FrozenError)
    assert (nb.ns["a"].tolist(), nb.ns["c"].tolist()) == ([10, 1, 1, 0, 0, 0], [0] * 6)


def test_restoring_one_guest_restores_what_shares_its_bytes(nb: Notebook):
    nb.run("device.add_at(array.address, 6, 1.0)")
    nb.run("%tensorwatch restore c")

    assert "changed with it: a, b" in nb.last.stdout
    assert nb.ns["a"].tolist() == [1, 1, 1, 0, 0, 0]


@pytest.mark.skipif(DEVICE == "cuda", reason="the card's interface keeps the array itself")
def test_what_the_notebook_deletes_is_given_back_to_the_library(nb: Notebook):
    before = lent()
    nb.run("c.data.add_(1);")
    nb.run("del a, b, c, d")
    gc.collect()

    assert (before - lent(), before >= 4) == (4, True)


def test_guests_on_two_devices_are_no_group(device: Any, nb: Notebook):
    if DEVICE != "sim":
        pytest.skip("it needs two devices")
    nb.run(
        "other = torch.zeros(6, device='sim:1')\ng = torch.from_dlpack(ForeignArray(other, other.data_ptr(), 6, device=1))"
    )
    report = nb.run("device.add_at(other.data_ptr(), 3, 1.0)\na.data.add_(1)")

    assert {tuple(one["members"]) for one in report["groups"]} == {("a", "b", "c"), ("other", "g")}
    assert mutated(report) == {"a", "b", "c", "other", "g"}
