"""Fixes of tensors on a device are tried on copies there, while it does nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.device_notebook import notebook_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.notebook import Notebook

SETUP = """
import torch
x = torch.randn(6).to("sim")
"""
SAFE = "tried on copies: it mends this, and all else comes out the same"
NOT_TRIED = "not tried: other results may change"


@pytest.fixture
def nb(device: Any) -> Iterator[Notebook]:
    with notebook_on(device, SETUP) as watched:
        yield watched
        device.limit(1 << 34)
        device.capture(False)


def fix(nb: Notebook, path: str = "") -> str:
    """Return the last line of the page of the fix."""
    return nb.cell(f"%tensorwatch fix {path}").stdout.strip().splitlines()[-1].strip()


def test_a_fix_that_only_mends_is_safe(nb: Notebook):
    nb.run("y = x.detach()")
    nb.run("y.add_(1);")

    assert fix(nb) == SAFE


def test_a_fix_that_changes_other_results_is_unsafe(nb: Notebook):
    nb.run("y = x.detach()")
    nb.run("y.add_(1)\ntotal = x.sum()")

    assert fix(nb) == NOT_TRIED


def test_the_copies_are_of_what_the_tensors_held_before(device: Any, nb: Notebook):
    """Of the present bytes, no element would be below the limit, and the cell would change nothing."""
    nb.run("y = x.detach()")
    nb.run("y.clamp_(min=0);")

    assert fix(nb) == SAFE


def test_nothing_of_the_users_is_written_waited_for_or_kept(device: Any, nb: Notebook):
    nb.run("y = x.detach()")
    nb.run("y.add_(1);")
    nb.run("a = 1")
    nb.run("y.add_(1);")
    was = nb.ns["x"].tolist(), nb.ns["x"]._version
    before = device.counts()
    fix(nb)
    after = device.counts()

    assert (nb.ns["x"].tolist(), nb.ns["x"]._version) == was
    assert after["waits"] == 0
    assert after["held"] - before["held"] <= 64 * len(nb.report()["tensors"])


def busy(device: Any) -> None:
    device.work(1.0)


def captured(device: Any) -> None:
    device.capture(True)


def short(device: Any) -> None:
    device.limit(device.counts()["held"] + (1 << 27))


@pytest.mark.parametrize("how", [busy, captured, short], ids=lambda one: one.__name__)
def test_a_device_that_works_is_captured_or_has_no_memory_to_spare_is_left_alone(device: Any, nb: Notebook, how: Any):
    nb.run("y = x.detach()")
    nb.cell("y.add_(1);")
    how(device)
    device.counts()
    told = fix(nb)
    counts = device.counts()

    assert told == NOT_TRIED
    assert (counts["waits"], counts["spoilt"]) == (0, 0)


def test_tensors_larger_than_those_that_keep_a_copy_are_not_tried(nb: Notebook):
    nb.run("large = torch.randn(100000).to('sim')")
    nb.run("y = large.detach()")
    nb.run("y.add_(1);")

    assert fix(nb) == NOT_TRIED


def test_two_devices_are_each_tried_where_they_are(nb: Notebook):
    nb.run("far = torch.randn(4).to('sim:1')")
    nb.run("y = x.detach()\nz = far.detach()")
    nb.run("y.add_(1)\nz.mul_(2);")

    assert {fix(nb, path) for path in ("x", "far")} == {SAFE}
