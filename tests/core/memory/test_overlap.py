"""Whether two readings share a byte is computed, not guessed."""

from __future__ import annotations

import numpy as np
import pytest

from ipy_tensorwatch.core.memory import overlap
from ipy_tensorwatch.core.records.reason import Reason
from tests.support.records import reading

HOME = np.zeros(24, np.int16)


def of(array, number=1, **more):
    """Make the reading of a view of one array."""
    start = array.__array_interface__["data"][0]
    reach = [(size - 1) * stride for size, stride in zip(array.shape, array.strides, strict=True)] if array.size else []
    low = start - HOME.ctypes.data + sum(one for one in reach if one < 0)
    high = low + sum(map(abs, reach)) + 2 * bool(reach)
    values = {
        "itemsize": 2,
        "shape": array.shape,
        "strides": array.strides,
        "data_ptr": start,
        "low": low,
        "high": high,
    }
    return reading(number, **values, **more)


GRID = HOME.reshape(4, 6)
EMPTY = HOME[:0]
WIDE = np.lib.stride_tricks.as_strided(HOME, (3, 2), (0, 2))
WINDOWS = np.lib.stride_tricks.sliding_window_view(HOME, 3)
RELATIONS = [
    (HOME, HOME, "same-elements"),
    (HOME, GRID, "same-elements"),
    (GRID, GRID.T, "same-elements"),
    (HOME, HOME[::-1], "same-elements"),
    (HOME[:2], WIDE, "same-elements"),
    (HOME[:, None], HOME, "same-elements"),
    (HOME[::2], HOME[1::2], "disjoint"),
    (HOME[:12], HOME[12:], "disjoint"),
    (HOME[12:], HOME[:12], "disjoint"),
    (GRID[:, 0], GRID[:, 1], "disjoint"),
    (GRID[:, 0], GRID[1], "overlap"),
    (HOME[:13], HOME[12:], "overlap"),
    (HOME[::2], HOME[::3], "overlap"),
    (HOME[::2], HOME[1:14:4], "disjoint"),
    (GRID[::2, :3], GRID[::2, :2], "overlap"),
    (EMPTY, HOME, "disjoint"),
    (HOME, EMPTY, "disjoint"),
    (EMPTY, EMPTY, "disjoint"),
]


@pytest.mark.parametrize(("a", "b", "expected"), RELATIONS)
def test_two_layouts_relate_by_the_bytes_of_their_elements(a, b, expected):
    assert expected == overlap.relate(of(a, 1), of(b, 2))
    assert (expected in ("same-elements", "overlap")) == overlap.share_bytes(of(a), of(b))


def test_of_one_object_and_of_what_cannot_be_read_nothing_is_computed():
    unknown = of(HOME, 2, unknown=Reason("meta"))
    assert "same-object" == overlap.relate(of(HOME), of(HOME))
    assert "unknown" == overlap.relate(of(HOME), unknown) == overlap.relate(unknown, of(HOME))


@pytest.mark.parametrize(
    ("array", "expected"),
    [(HOME, False), (EMPTY, False), (WIDE, True), (WINDOWS, True), (GRID[:, ::2], False), (HOME[::-2], False), (GRID.T[1:], False),
     (np.lib.stride_tricks.as_strided(HOME, (4, 2), (6, 4)), False), (np.lib.stride_tricks.as_strided(HOME, (3, 3), (4, 8)), True),
     (np.lib.stride_tricks.as_strided(HOME, (1, 3), (0, 4)), False)],
)  # fmt: skip
def test_the_elements_of_one_layout_overlap_or_not(array, expected):
    assert expected == overlap.overlaps_itself(of(array))


def test_of_an_unknown_layout_it_is_not_known():
    assert overlap.overlaps_itself(of(WIDE, unknown=Reason("meta"))) is None


@pytest.mark.parametrize("array", [GRID, GRID.T, HOME[::-1], HOME[3::2], WINDOWS, EMPTY])
def test_a_buffer_is_laid_out_as_the_elements(array):
    numbers = np.arange(24, dtype=np.int16)
    one = of(array)
    rows = overlap.lay_out(b"ab" + numbers.tobytes(), one, 2 + one.low)
    start = one.data_ptr - HOME.ctypes.data
    expected = np.ndarray(array.shape, np.int16, numbers, start, array.strides) if array.size else array
    assert np.array_equal(expected, rows.reshape(-1).view(np.int16).reshape(array.shape))


def test_a_search_that_takes_too_long_is_given_up(monkeypatch):
    a, b = (
        reading(number, itemsize=1, shape=(9, 9, 9), strides=strides, data_ptr=4096 + low, low=low, high=low + 5000)
        for number, strides, low in [(1, (291, 182, 74), 0), (2, (303, 177, 82), 1)]
    )

    assert overlap.share_bytes(a, b) is not None
    monkeypatch.setattr(overlap, "MAX_WORK", 1)
    assert overlap.share_bytes(a, b) is None
    assert overlap.relate(a, b) == "unknown"
