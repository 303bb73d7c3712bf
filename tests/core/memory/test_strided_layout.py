"""The bytes of a tensor's elements, against an oracle that marks every byte of every element."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipy_tensorwatch.core.memory import strided_layout as module
from ipy_tensorwatch.core.memory.strided_layout import Lane, lay
from ipy_tensorwatch.core.records.reading import extent
from tests.support.records import reading

BLOCK = 4096
"""Where the block begins."""

LAYOUTS = st.integers(0, 4).flatmap(
    lambda ndim: st.tuples(
        st.lists(st.integers(0, 6), min_size=ndim, max_size=ndim),
        st.lists(st.integers(-40, 40), min_size=ndim, max_size=ndim),
        st.sampled_from([1, 2, 4, 8, 16]),
        st.integers(0, 30),
    )
)
"""Any strides at all: as_strided and NumPy allow them."""

SLICES = st.lists(
    st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 3), st.booleans()), min_size=1, max_size=4
)
"""What slicing, stepping, flipping and transposing make of a contiguous array: each dimension's size, end, step, flip."""


def laid(shape, strides, itemsize, offset):
    """Make a reading whose lowest byte lies `offset` bytes into the block."""
    low, high = extent(tuple(shape), tuple(strides), itemsize)
    return reading(
        1, itemsize=itemsize, shape=tuple(shape), strides=tuple(strides), data_ptr=BLOCK + offset - low, high=high - low
    )


def oracle(one, size: int) -> np.ndarray:
    """Count for every byte of the block the elements that it belongs to."""
    counts = np.zeros(size, int)
    for index in np.ndindex(*one.shape):
        start = one.data_ptr - BLOCK + sum(place * stride for place, stride in zip(index, one.strides, strict=True))
        counts[start : start + one.itemsize] += 1
    return counts


def prove(lane: Lane, counts: np.ndarray, cell: float) -> None:
    """Compare a lane with the bytes that were marked one by one."""
    marked = counts > 0
    outside = marked.copy()
    for run in lane.runs:
        outside[run.low : run.high] = False
        assert marked[run.low]
        assert marked[run.high - 1]
    edges = [edge for run in lane.runs for edge in (run.low, run.high)]

    assert not outside.any()
    assert sorted(set(edges)) == edges
    assert min(np.subtract(edges[2::2], edges[1:-1:2]), default=cell) >= cell
    assert [int(marked[run.low : run.high].sum()) for run in lane.runs] == [run.covered for run in lane.runs]
    assert int(marked.sum()) == lane.nbytes
    assert lane.folds == pytest.approx(counts.sum() / marked.sum() if marked.any() else 1)


@given(LAYOUTS, st.sampled_from([0, 0.3, 1, 5, 50]))
def test_any_layout_covers_the_bytes_of_its_elements(layout, cell):
    one = laid(*layout)

    prove(lay(one, BLOCK, cell), oracle(one, layout[3] + one.high), cell)


@given(SLICES, st.permutations(range(4)), st.sampled_from([0, 0.5, 3]))
def test_what_slicing_makes_covers_the_bytes_of_its_elements(slices, order, cell):
    base = np.zeros([size for size, *_ in slices], np.float32)
    cut = base[tuple(slice(0, end, step) for _, end, step, _ in slices)]
    cut = cut[tuple(slice(None, None, -1 if flip else 1) for *_, flip in slices)]
    cut = cut.transpose([place for place in order if place < len(slices)])
    first, begin = (one.__array_interface__["data"][0] for one in (cut, base))
    offset = first + extent(cut.shape, cut.strides, 4)[0] - begin
    one = laid(cut.shape, cut.strides, 4, offset)

    prove(lay(one, BLOCK, cell), oracle(one, base.nbytes), cell)


@given(LAYOUTS)
def test_no_cell_too_small_keeps_every_run_apart(layout):
    assert all(run.is_solid for run in lay(laid(*layout), BLOCK, 0).runs)


@given(LAYOUTS, st.integers(1, 60))
def test_runs_are_never_more_than_can_be_seen(layout, cells):
    one = laid(*layout)
    size = one.high + layout[3]

    assert len(lay(one, BLOCK, size / cells).runs) <= cells // 2 + 1


@given(LAYOUTS)
def test_bytes_that_cannot_be_counted_are_bounded(layout):
    one = laid(*layout)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "MAX_STARTS", 0)
        lane = lay(one, BLOCK, 0)
    marked = oracle(one, one.high + layout[3]) > 0

    assert int(marked.sum()) <= lane.nbytes
    assert lane.is_exact <= (int(marked.sum()) == lane.nbytes)
    assert all(marked[place] <= any(run.low <= place < run.high for run in lane.runs) for place in range(len(marked)))


def runs_of(shape, strides, itemsize=4, offset=0, cell=0.1) -> list[tuple[int, int]]:
    return [(run.low, run.high) for run in lay(laid(shape, strides, itemsize, offset), BLOCK, cell).runs]


@pytest.mark.parametrize(
    ("shape", "strides", "offset", "expected"),
    [
        ((2, 3), (12, 4), 0, [(0, 24)]),
        ((3, 2), (4, 12), 0, [(0, 24)]),
        ((3,), (4,), 12, [(12, 24)]),
        ((2,), (12,), 4, [(4, 8), (16, 20)]),
        ((4, 3), (0, 4), 0, [(0, 12)]),
        ((4, 3), (4, 4), 0, [(0, 24)]),
        ((), (), 8, [(8, 12)]),
        ((3,), (-8,), 0, [(0, 4), (8, 12), (16, 20)]),
        ((3, 0), (0, 4), 8, []),
    ],
    ids=["contiguous", "transposed", "row", "column", "expand", "unfold", "0-d", "negative", "empty"],
)
def test_common_layouts(shape, strides, offset, expected):
    assert runs_of(shape, strides, offset=offset) == expected


def test_an_expanded_tensor_is_folded():
    assert lay(laid((4, 3), (0, 4), 4, 0), BLOCK, 0).folds == 4


def test_stripes_have_a_stride_and_others_have_none():
    strides = [lay(laid(*layout, 4, 0), BLOCK, 0).stride for layout in [((2,), (12,)), ((6,), (4,)), ((2, 2), (8, 40))]]

    assert strides == [12, None, None]


@pytest.mark.parametrize(
    ("shape", "strides", "runs"),
    [((1000, 1000), (8000, 8), 1), ((10**9,), (8,), 1), ((3, 10**8), (10**10, 8), 3), ((10**5, 10**5), (7, 11), 1)],
    ids=["fine", "finer", "three parts", "crossing"],
)
def test_a_billion_elements_cost_microseconds(shape, strides, runs):
    one = laid(shape, strides, 4, 0)
    begin = time.thread_time()
    lanes = [lay(one, BLOCK, one.high / 240) for _ in range(100)]

    assert len(lanes[0].runs) == runs
    assert not (lanes[0].is_exact and any(run.is_solid for run in lanes[0].runs))
    assert time.thread_time() - begin < 1
