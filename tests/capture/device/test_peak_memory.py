"""Digests and counts take little memory of a device beside the tensors that they are of, however large these are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from ipy_tensorwatch.capture.device.device_counts import AT_ONCE as COUNTED_AT_ONCE
from ipy_tensorwatch.capture.device.device_counts import CopyPair, launch_counts
from ipy_tensorwatch.capture.device.digest_launch import DigestLauncher, Portion
from ipy_tensorwatch.capture.device.kept_copy import KeptCopy
from ipy_tensorwatch.capture.device.word_digest import AT_ONCE
from ipy_tensorwatch.capture.tensors.read_tensor import read
from ipy_tensorwatch.capture.tensors.serials import StorageSerials
from tests.support.accelerator import DEVICE

if TYPE_CHECKING:
    from collections.abc import Callable

MB = 1 << 20
LAYOUTS = {
    "whole": lambda size: (0, [(1, size)]),
    "between two words": lambda size: (3, [(1, size - 8)]),
    "wide columns": lambda size: (0, [(1, 64), (128, size // 128)]),
    "narrow columns": lambda size: (0, [(4, size // 256), (size // 64, 64)]),
}


def taken(device: Any, launch: Callable[[], object]) -> int:
    """Return how many bytes more a device held while something was launched than before it."""
    device.counts()
    before = device.counts()["held"]
    launch()
    return int(device.counts()["most"]) - before


@pytest.mark.parametrize("size", [MB, 4 * MB, 256 * MB])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_digest_takes_four_chunks_at_most_and_of_a_tensor_as_a_whole_less_than_two(
    device: Any, layout: str, size: int
):
    storage = torch.zeros(size, dtype=torch.uint8, device=DEVICE).untyped_storage()
    low, levels = LAYOUTS[layout](size)
    launcher = DigestLauncher(storage.device)
    launcher.launch([Portion((1, None), storage, 0, [(1, 64)])])
    most = taken(device, lambda: launcher.launch([Portion((1, (low,)), storage, low, levels)]))

    assert 0 < most <= min((1.5 if layout == "whole" else 4) * AT_ONCE, 4 * size)


@pytest.mark.parametrize(("count", "size"), [(1000, 1000), (500, 1 << 16), (100, 1 << 18), (40, MB)])
def test_digests_of_many_tensors_take_no_more(device: Any, count: int, size: int):
    storages = [torch.zeros(size, dtype=torch.uint8, device=DEVICE).untyped_storage() for _ in range(count)]
    portions = [Portion((i, None), one, 0, [(1, size)]) for i, one in enumerate(storages)]
    launcher = DigestLauncher(storages[0].device)
    launcher.launch(portions[:1])

    assert 0 < taken(device, lambda: launcher.launch(portions)) <= 4 * AT_ONCE


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64, torch.complex128], ids=str)
def test_counting_takes_five_chunks_at_most(device: Any, dtype: torch.dtype):
    each = torch.zeros((1 << 16) // dtype.itemsize, dtype=dtype, device=DEVICE)
    reading = read(each, "", 0, StorageSerials())
    old, new = (torch.zeros(300, 1 << 13, dtype=torch.int64, device=DEVICE) for _ in range(2))
    pairs = {i: CopyPair(reading, reading, KeptCopy(old, i), KeptCopy(new, i), 0, 0) for i in range(300)}

    assert 0 < taken(device, lambda: launch_counts(pairs)) <= 5 * COUNTED_AT_ONCE
