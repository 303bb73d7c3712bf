"""`%tensordiff A B` on elements that lie over each other: neither the time nor the memory of all of them."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
import torch

from ipy_tensorwatch.capture.compare import compare_on_request
from tests.support.notebook import Notebook

HUGE = (10**6, 10**6)


def compared(a, b, examples=3):
    """Compare two tensors, in little memory and time."""
    tracemalloc.start()
    began = time.thread_time()
    found = compare_on_request.compare(("a", "b"), (a, b), examples)
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert used < 10 << 20
    return found, time.thread_time() - began


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.complex64, torch.bool, torch.int8])
def test_expanded_tensors_are_compared_once(dtype):
    one, two = torch.ones(1, dtype=dtype), torch.zeros(1, dtype=dtype)
    found, seconds = compared(one.expand(HUGE), two.expand(HUGE))
    assert seconds < 0.5
    assert (found.elements.changed, found.elements.total, found.elements.max_abs) == (10**12, 10**12, 1)
    assert [one.index for one in found.elements.examples] == [(0, 0), (0, 1), (0, 2)]


def test_rows_that_are_expanded_give_the_right_indices():
    a = torch.zeros(4)[:, None].expand(4, 10**9)
    b = torch.tensor([0.0, 0, 3, float("nan")])[:, None].expand(4, 10**9)
    found, _ = compared(a, b)
    assert (found.elements.changed, found.elements.max_abs) == (2 * 10**9, 3)
    assert [one.index for one in found.elements.examples] == [(2, 0), (2, 1), (2, 2)]


def test_arrays_of_strides_of_zero():
    a, b = (np.lib.stride_tricks.as_strided(np.full(4, value), HUGE, (0, 0)) for value in (1.0, 1.5))
    found, _ = compared(a, b)
    assert (found.elements.changed, found.elements.max_abs) == (10**12, 0.5)


@pytest.mark.parametrize("seed", range(8))
def test_counts_and_indices_are_those_of_the_elements_one_by_one(seed, monkeypatch):
    monkeypatch.setattr("ipy_tensorwatch.core.memory.count_differences.PIECE", 7)
    rng = np.random.default_rng(seed)
    shape = tuple(int(size) for size in rng.integers(1, 5, 3))
    sides = []
    for _ in range(2):
        strides = tuple(8 * int(step) for step in rng.integers(0, 4, 3))
        values = rng.integers(0, 3, 40).astype(float)
        values[values == 2] = np.nan
        sides.append(np.lib.stride_tricks.as_strided(values, shape, strides))
    found, _ = compared(*sides, examples=5)
    a, b = (np.array(side) for side in sides)
    differs = (a != b) & ~(np.isnan(a) & np.isnan(b))
    assert (found.elements.changed, found.elements.total) == (differs.sum(), a.size)
    assert [one.index for one in found.elements.examples] == [tuple(map(int, one)) for one in np.argwhere(differs)[:5]]


def test_what_takes_too_long_is_said(monkeypatch):
    monkeypatch.setattr(compare_on_request, "COMPARING", 0.05)
    line = torch.arange(20_000.0)
    found, seconds = compared(line[:, None].expand(20_000, 20_000), line.expand(20_000, 20_000))
    assert seconds < 2
    assert found.elements.code == "no-time"
    assert 0 < found.elements.changed <= found.elements.compared


def test_windows_of_an_array_are_the_memory_of_the_array():
    with Notebook() as nb:
        nb.run("import numpy as np\nbase = np.zeros(30_000)")
        nb.run("e = np.lib.stride_tricks.sliding_window_view(base, 10_000)")
        report = nb.run("base[0] = 1")
        told = {one["path"]: one for one in report["changes"]}
        assert told["e"]["silent"]
        assert told["e"]["elements"]["total"] == 20_001 * 10_000
