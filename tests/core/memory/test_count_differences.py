"""Elements that differ are counted exactly, however they lie over each other, and in the time that the memory takes."""

from __future__ import annotations

import math
import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipy_tensorwatch.core.memory.count_differences import Side, Tally
from ipy_tensorwatch.core.memory.footprint import footprint_of
from ipy_tensorwatch.core.records.reading import Reading, extent

EXAMPLES = 4


@st.composite
def layouts(draw):
    """Give shape, strides and item size; strides may be 0, negative, or shorter than an item."""
    item = draw(st.sampled_from([1, 2, 3, 4, 8, 16]))
    shape = tuple(draw(st.lists(st.integers(1, 9), max_size=4)))
    steps = draw(st.lists(st.integers(-6, 6), min_size=len(shape), max_size=len(shape)))
    unit = draw(st.sampled_from([item, 1]))
    return shape, tuple(step * unit for step in steps), item


def tally_of(shape, strides, item, old, new, low, seconds=10.0, new_strides=None):
    seen = []
    tally = Tally(shape, item, EXAMPLES, time.perf_counter() + seconds, lambda a, b: seen.append((a.copy(), b.copy())))
    tally.count(Side(old, -low, strides), Side(new, -low, new_strides or strides))
    return tally, seen


def reading_of(shape, strides, item):
    low, high = extent(shape, strides, item)
    return Reading("tensor", 1, 1, "cpu", "x", item, shape, strides, 1000 - low, 0, high - low)


class TestTally:
    @given(layouts(), st.data())
    def test_it_agrees_with_going_through_all_indices(self, layout, data):
        shape, strides, item = layout
        low, high = extent(shape, strides, item)
        old = np.arange(high - low).astype(np.uint8)
        new = old.copy()
        for place in data.draw(st.lists(st.integers(0, high - low - 1), max_size=5)):
            new[place] ^= 1
        differing = []
        for index in product(*map(range, shape)):
            place = sum(i * s for i, s in zip(index, strides, strict=True)) - low
            if (old[place : place + item] != new[place : place + item]).any():
                differing.append((index, place))

        tally, seen = tally_of(shape, strides, item, old, new, low)

        assert (tally.changed, tally.differs) == (len(differing), bool(differing))
        assert tally.first == [index for index, _ in differing[:EXAMPLES]]
        rows = {(a.tobytes(), b.tobytes()) for before, after in seen for a, b in zip(before, after, strict=True)}
        assert rows == {(old[p : p + item].tobytes(), new[p : p + item].tobytes()) for _, p in differing}

    @given(layouts())
    def test_the_footprint_is_each_byte_once(self, layout):
        shape, strides, item = layout
        reading = reading_of(shape, strides, item)
        low, high = extent(shape, strides, item)
        covered = np.zeros(high - low, bool)
        for index in product(*map(range, shape)):
            place = sum(i * s for i, s in zip(index, strides, strict=True)) - low
            covered[place : place + item] = True
        memory = np.arange(high - low).astype(np.uint8)

        footprint = footprint_of(reading)

        assert footprint.nbytes == covered.sum()
        assert footprint.take(memory, 0).tolist() == memory[covered].tolist()
        runs = [place for low, size in footprint.runs().tolist() for place in range(low, low + size)]
        assert runs == np.flatnonzero(covered).tolist()

    @pytest.mark.parametrize(
        ("shape", "strides", "changed"),
        [
            ((6000, 6000), (0, 0), 36_000_000),
            ((20_000, 20_000), (0, 0), 4 * 10**8),
            ((10**6, 10**6), (0, 0), 10**12),
            ((10**5, 4, 10**5), (0, 4, 0), 10**10),
            ((5000, 5000), (4, 4), 1),
            ((2000, 2000, 2000), (4, 4, 0), 2000),
        ],
    )
    def test_very_many_elements_take_no_time(self, shape, strides, changed):
        _, high = extent(shape, strides, 4)
        old = np.zeros(high, np.uint8)
        new = old.copy()
        new[0] = 1
        tally_of(shape, strides, 4, old, new, 0)

        began = time.thread_time()
        tally, _ = tally_of(shape, strides, 4, old, new, 0)

        assert tally.changed == changed
        assert time.thread_time() - began < 0.03

    def test_what_takes_too_long_is_not_counted_but_told(self):
        shape, a, b = (3000, 3000), (4, 4), (4, 8)
        old, new = np.zeros(30_000, np.uint8), np.ones(60_000, np.uint8)

        tally, _ = tally_of(shape, a, 4, old, new, 0, seconds=-1, new_strides=b)

        assert (tally.changed, tally.differs, tally.first) == (None, True, [])

    def test_nothing_found_in_time_is_no_answer(self):
        shape = (3000, 3000)
        old = np.zeros(60_000, np.uint8)

        tally, _ = tally_of(shape, (4, 4), 4, old, old.copy(), 0, seconds=-1, new_strides=(4, 8))

        assert (tally.changed, tally.differs) == (None, None)

    def test_large_copies_are_counted_in_pieces(self):
        import tracemalloc

        old = np.zeros(20_000_000, np.uint8)
        new = np.ones(20_000_000, np.uint8)
        tracemalloc.start()
        tally = Tally((5_000_000,), 4, 3, math.inf, lambda a, b: None)
        tally.count(Side(old, 0, (4,)), Side(new, 0, (4,)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert tally.changed == 5_000_000
        assert peak < 5_000_000
