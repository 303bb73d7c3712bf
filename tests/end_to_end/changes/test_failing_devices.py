"""A device out of memory, lost or with an error of the user's own: cells end as without us, and what is missing is listed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import torch

from ipy_tensorwatch.core.runtime.guard import GUARD
from tests.support.accelerator import DEVICE
from tests.support.notebook import Notebook, Report, changes, mutated

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
import torch
x = torch.arange(6.0, device="sim")
y = x.data
row = x[2:4]
large = torch.zeros(100000, device="sim")
part = large[::2]
w = torch.ones(3, device="sim", requires_grad=True)
h = w.exp()
loss = h.sum()
"""
FAILED = "its device failed, or is out of memory"


@pytest.fixture
def nb(device: Any) -> Iterator[Notebook]:
    with Notebook() as watched:
        watched.give(device=device)
        watched.run(SETUP)
        known = GUARD.count
        yield watched
        device.fault("")
        device.fail_allocation(-1)
    assert GUARD.count == known, "an error of the device was taken for one of ours"


def verified(report: Report) -> set[str]:
    return {path for path, one in changes(report, "mutated").items() if one["verified"]}


def reasons(report: Report) -> set[str]:
    return {one["why"] for one in report["coverage"]["unverified"]}


# ---------------------------------------------------------------- out of memory in the middle

WRITTEN = {"x", "y", "row", "large", "part"}
CELL = "a = 1\ndevice.add_at(x.data_ptr(), 6, 1.0)\nb = 2\ndevice.add_at(large.data_ptr(), 9, 1.0)\nc = 3"


def test_whichever_allocation_fails_the_cell_goes_on_and_its_writes_are_found(device: Any, nb: Notebook):
    failed = []
    for after in (*range(30), *range(30, 3000, 37)):
        device.fail_allocation(after)
        ran = nb.cell(CELL)
        at_once = mutated(nb.report())
        is_spent = device.fail_allocation(-1) < 0
        nb.run("d = 4")
        later = changes(nb.report(), "mutated")
        failed.append(at_once != WRITTEN)

        assert ran.error is None
        assert at_once | later.keys() == WRITTEN, after
        assert all(one["since"] is not None for one in later.values()), after
        if not is_spent:
            break
    assert not is_spent
    assert any(failed)


def test_whichever_allocation_fails_frozen_bytes_are_put_back(device: Any, nb: Notebook):
    nb.cell("%tensorwatch freeze x")
    for after in range(12):
        device.fail_allocation(after)
        nb.cell("device.add_at(x.data_ptr(), 3, 1.0)")
        device.fail_allocation(-1)

        assert nb.ns["x"].tolist() == [0, 1, 2, 3, 4, 5]


def test_nothing_is_launched_where_memory_is_so_short_that_all_that_pytorch_keeps_would_be_given_back(
    device: Any, nb: Notebook
):
    device.limit(device.counts()["held"] + (1 << 20))
    try:
        listed = nb.run("a = 1\ndevice.add_at(x.data_ptr(), 6, 1.0)\nb = 1")
        launches = device.counts()["launches"]
    finally:
        device.limit(1 << 34)
    later = changes(nb.run("c = 1"), "mutated")

    assert (reasons(listed), launches) == ({FAILED}, 0)
    assert later.keys() == {"x", "y", "row"}


ODD = {
    "the only storage gives its memory back": "x.untyped_storage().resize_(0)\na = 1",
    "a layout that the device does not take apart": "s = torch.sparse_csr_tensor(*parts)\na = 1",
}


@pytest.mark.parametrize("name", ODD)
def test_nothing_of_ours_fails_where(device: Any, name: str):
    with Notebook() as nb:
        nb.run("import torch\nx = torch.arange(6.0, device='sim')\ny = x.data")
        if "parts" in ODD[name]:
            nb.give(parts=[torch.tensor(one, device=DEVICE) for one in ([0, 1, 2], [0, 1], [1.0, 2.0])])
        known = GUARD.count
        ran = [nb.cell(ODD[name]), nb.cell("b = 1")]

    assert ([one.error for one in ran], GUARD.count) == ([None, None], known)


# ---------------------------------------------------------------- an error of the user's own kernel, or a lost device

CELLS = [
    "x.data.add_(1);",
    "device.fault('an illegal memory access was encountered')\na = 1\nb = 2",
    "c = len('as before')\nmade = [1, 2]",
    "total = x.sum().item()",
    "d = x.shape",
    "device.synchronize()",
    "device.fault('')\nend = x.tolist()",
]


def outcomes(device: Any, *, watched: bool, seconds: float = 0.0) -> list[str | None]:
    with Notebook(watched=watched) as nb:
        nb.give(device=device)
        told = [nb.cell(SETUP).error]
        device.work(seconds)
        told += [nb.cell(one).error for one in CELLS]
        return [error and f"{type(error).__name__}: {error}".splitlines()[0] for error in told]


@pytest.mark.parametrize("seconds", [0.0, 0.2])
def test_an_error_of_a_kernel_surfaces_where_it_would_have_without_us(device: Any, seconds: float):
    plain = outcomes(device, watched=False, seconds=seconds)

    assert outcomes(device, watched=True, seconds=seconds) == plain
    assert [one is not None for one in plain] == [False] * 4 + [True, False, True, False]


def test_what_a_lost_device_hides_is_listed_and_found_when_it_is_back(device: Any, nb: Notebook):
    nb.cell("a = 1\nx.data.add_(1)\ndevice.fault('the device was lost')\nb = 2")
    lost = nb.report()
    again = nb.run("c = 3")
    nb.cell("device.fault('')")
    back = changes(nb.report(), "mutated")

    assert (mutated(lost), reasons(lost), reasons(again)) == (set(), {FAILED}, {FAILED})
    assert back.keys() == {"x", "y", "row"}
    assert {one["since"] for one in back.values()} == {1}


def test_a_device_that_is_lost_before_it_has_sent_its_digests_is_listed(device: Any, nb: Notebook):
    device.work(0.3)
    nb.cell("x.data.add_(1)\ndevice.fault('the device was lost')")
    while device.is_busy():
        time.sleep(0.01)
    listed = nb.report()
    device.fault("")
    nb.cell("b = 1")

    assert reasons(listed) == {FAILED}
    assert mutated(nb.report()) == {"x", "y", "row"}


PAGES = ["", "status", "why y", "history x", "groups", "freeze x", "frozen", "restore x", "preview x.add_(1)", "thaw"]


def test_no_page_of_ours_breaks_when_the_device_is_lost(device: Any, nb: Notebook):
    nb.cell("x.data.add_(1);")
    device.fault("the device was lost")
    told = [nb.cell(f"%tensorwatch {page}") for page in PAGES]
    device.fault("")

    assert {type(one.error).__name__ for one in told} <= {"NoneType", "UsageError"}


# ---------------------------------------------------------------- several devices and streams

TWO = """
import torch
near = torch.arange(6.0, device="sim:0")
far = torch.arange(6.0, device="sim:1")
views = [near.data, far.data]
"""
BUSY = "its device is still working"


@pytest.fixture
def two(device: Any) -> Iterator[Notebook]:
    with Notebook() as watched:
        watched.give(device=device)
        watched.run(TWO)
        device.counts()
        yield watched
    device.make_current(0)
    while device.is_busy():
        time.sleep(0.01)


def test_writes_on_two_devices_are_told_in_one_report_each_with_its_line(device: Any, two: Notebook):
    found = changes(two.run("a = 1\nviews[0].add_(1)\nviews[1][2:].mul_(3)"), "mutated")

    assert {path: (one["sites"][0]["line"], one["elements"]["changed"]) for path, one in found.items()} == {
        **dict.fromkeys(("near", "views[0]"), (2, 6)),
        **dict.fromkeys(("far", "views[1]"), (3, 4)),
    }
    assert device.counts()["waits"] == 0


def test_a_device_at_work_does_not_hold_up_what_another_shows(device: Any, two: Notebook):
    device.make_current(1)
    device.work(0.5)
    device.make_current(0)
    two.run("views[0].add_(1)\nviews[1].add_(1);")
    count, first = two.report()["cell"]["count"], verified(two.report())
    was_busy = device.is_busy()
    while device.is_busy():
        time.sleep(0.01)
    later = two.report()

    assert was_busy
    assert first == {"near", "views[0]"}
    assert (later["cell"]["count"], verified(later)) == (count, {"near", "far", "views[0]", "views[1]"})
    assert device.counts()["waits"] == 0


def test_a_capture_on_one_device_spoils_nothing_on_another_and_is_compared_later(device: Any, two: Notebook):
    device.make_current(1)
    device.capture(True)
    two.run("a = 1")
    device.make_current(0)
    device.counts()
    listed = two.run("views[0].add_(1)\nb = 1")
    spoilt = device.counts()["spoilt"]
    device.make_current(1)
    device.capture(False)
    device.make_current(0)
    later = changes(two.run("c = 1"), "mutated")

    assert (verified(listed), spoilt) == (set(), 0)
    assert {one["path"] for one in listed["coverage"]["unverified"]} == {"near", "far", "views[0]", "views[1]"}
    assert later.keys() == {"near", "views[0]"}


LEAVING = {
    "by its block": "with side:\n    device.capture(True)\n    a = 1\nb = 1\nc = 1",
    "before anything looked at it": "with side: device.capture(True)\nb = 1\nc = 1",
    "with digests under way": "device.work(0.1)\nwith side: device.capture(True)\nb = 1\nc = 1",
}


@pytest.mark.parametrize("name", LEAVING)
def test_a_stream_that_is_left_while_it_is_captured_is_not_spoilt(device: Any, two: Notebook, name: str):
    two.run("side = torch.Stream('sim:0')")
    if "under way" in name:
        two.run("device.work(0.1)\nviews[0].add_(1);")
    device.counts()
    two.run(LEAVING[name])
    two.run("d = 1")
    spoilt = device.counts()["spoilt"]
    device.capture(False)
    while device.is_busy():
        time.sleep(0.01)
    report = two.run("views[0].add_(1);")

    assert spoilt == 0
    assert mutated(report) == {"near", "views[0]"}


def test_no_stream_of_the_user_is_asked_during_a_capture_which_that_would_spoil(device: Any, two: Notebook):
    two.run("side = torch.Stream('sim:0')")
    device.counts()
    device.capture(True)
    two.run("a = 1\nb = 2")
    two.run("c = 3")
    device.capture(False)

    assert device.counts()["spoilt"] == 0


def test_a_tensor_that_moves_to_another_device_is_another_tensor(two: Notebook):
    report = two.run("near = near.to('sim:1')\nviews[1].add_(near)\nnear += 1")

    assert mutated(report) == {"far", "views[1]"}
    assert changes(report, "mutated")["near"]["born"] is not None
    assert changes(report, "rebound").keys() == {"near"}


def test_while_a_stream_of_the_user_works_nothing_is_read_half_written(device: Any, two: Notebook):
    two.run("side = torch.Stream('sim:0')")
    report = two.run("with side:\n    device.work(0.5)\n    views[0].add_(1)\nviews[1].add_(1);")
    was_busy = device.is_busy()
    two.run("a = 1")
    while device.is_busy():
        time.sleep(0.01)
    later = changes(two.run("b = 1"), "mutated")

    assert was_busy
    assert verified(report) == {"far", "views[1]"}
    assert {one["path"] for one in report["coverage"]["unverified"] if one["why"] == BUSY} == {"near", "views[0]"}
    assert {path: one["since"] for path, one in later.items()} == {"near": 2, "views[0]": 2}
    assert device.counts()["waits"] == 0


@pytest.fixture
def quiet_streams(device: Any) -> Iterator[Any]:
    """Give the device as one that says nothing of its streams, as MPS does: PyTorch raises when it is asked."""
    device.tell_streams(False)
    yield device
    device.tell_streams(True)


def test_a_device_that_tells_of_events_only_is_compared_at_once_if_it_is_idle(quiet_streams: Any, two: Notebook):
    report = two.run("a = 1\nviews[0].add_(1)\nb = 2")

    assert {path: one["sites"][0]["line"] for path, one in changes(report, "mutated").items()} == {
        "near": 2,
        "views[0]": 2,
    }
    assert report["coverage"]["unverified"] == []
    assert quiet_streams.counts()["waits"] == 0


def test_a_device_that_tells_of_events_only_is_not_waited_for_if_it_works(quiet_streams: Any, two: Notebook):
    quiet_streams.work(0.5)
    first = two.run("views[0].add_(1);")
    was_busy = quiet_streams.is_busy()
    while quiet_streams.is_busy():
        time.sleep(0.01)

    assert (was_busy, verified(first), reasons(first)) == (True, set(), {BUSY})
    assert verified(two.report()) == {"near", "views[0]"}
    assert quiet_streams.counts()["waits"] == 0


def test_what_a_stream_has_done_by_the_end_of_the_cell_is_told_with_its_line(device: Any, two: Notebook):
    two.run("side = torch.Stream('sim:0')")
    report = two.run(
        "with side:\n    views[0].add_(1)\n    a = 1\ntorch.accelerator.current_stream().wait_stream(side)"
    )

    assert {path: one["sites"][0]["line"] for path, one in changes(report, "mutated").items()} == {
        "near": 2,
        "views[0]": 2,
    }


# ---------------------------------------------------------------- tensors without memory

UNREAL = """
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
real = torch.ones(3, device="sim")
meta = torch.empty(1 << 40, device="meta")
with FakeTensorMode() as mode:
    fake = torch.ones(3, device="sim:1")
    other = torch.ones(3, device="sim") * 2
"""


def test_meta_and_fake_tensors_are_listed_with_their_reason_and_nothing_of_them_is_launched(
    device: Any, caplog: pytest.LogCaptureFixture
):
    with Notebook() as nb:
        nb.run(UNREAL)
        nb.run("a = 1")
        device.counts()
        report = nb.run("real.data.add_(1)\nwith mode:\n    fake.sum()\nmeta.sum();")

    assert mutated(report) == {"real"}
    assert caplog.records == []  # PyTorch logs what fails under its fake mode
    assert {"meta", "fake", "other"} == {one["path"] for one in report["coverage"]["unverified"]}
    assert BUSY not in reasons(report)
    assert FAILED not in reasons(report)
