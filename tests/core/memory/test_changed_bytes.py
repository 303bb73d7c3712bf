"""The bytes that are said to have changed, against memory that was really written to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipy_tensorwatch.core.memory.changed_bytes import Member, find_dirty
from ipy_tensorwatch.core.memory.strided_layout import lay
from ipy_tensorwatch.core.records.reading import extent
from ipy_tensorwatch.core.records.report_parts import Elements, Example
from tests.support.records import change, reading

SLICE = st.tuples(st.integers(0, 5), st.integers(1, 8), st.sampled_from([1, 1, 2, 3, -1]))
VIEW = st.tuples(st.tuples(SLICE, SLICE), st.sampled_from(["f4", "f4", "f4", "i2", "f8"]), st.sampled_from([1, 1, 3]))


def cut(base: np.ndarray, view) -> np.ndarray:
    """Make a view: sliced, of another type, expanded."""
    slices, dtype, times = view
    typed = base.view(dtype)
    part = typed[tuple(slice(*one) if one[2] > 0 else slice(one[1], None, -1) for one in slices)]
    return np.broadcast_to(part, (times, *part.shape)) if times > 1 else part


def read(array: np.ndarray):
    """Read an array as the watcher does."""
    layout = {"shape": array.shape, "strides": array.strides, "itemsize": array.itemsize}
    low, high = extent(**layout)
    return reading(id(array), data_ptr=array.__array_interface__["data"][0], high=high - low, **layout)


def touched(array: np.ndarray, differs: np.ndarray, base: np.ndarray) -> set[int]:
    """Collect the bytes of the elements that differ."""
    begin = base.__array_interface__["data"][0]
    first = array.__array_interface__["data"][0] - begin
    starts = [first + int(np.dot(index, array.strides)) for index in np.argwhere(differs)]
    return {start + place for start in starts for place in range(array.itemsize)}


@given(
    st.lists(VIEW, min_size=1, max_size=5),
    st.sets(st.integers(0, 4), max_size=3),
    st.sampled_from([0, 3, 20]),
    st.sampled_from([0, 4]),
)
def test_changed_bytes_are_in_what_is_marked_and_are_all_of_it_where_that_is_said(views, written, cell, kept):
    base = np.zeros((8, 8), "f4")
    before = base.copy()
    arrays = [cut(base, view) for view in views]
    for place in written.intersection(range(len(views))):
        target = cut(base, (*views[place][:2], 1))
        target[...] = 7
    differs = [array != cut(before, view) for array, view in zip(arrays, views, strict=True)]
    begin = base.__array_interface__["data"][0]
    members = {}
    for place, (array, changed) in enumerate(zip(arrays, differs, strict=True)):
        one, count = read(array), int(changed.sum())
        examples = tuple(
            Example(index=tuple(map(int, index)), before=0.0, after=7.0) for index in np.argwhere(changed)[:kept]
        )
        elements = Elements(changed=count, total=array.size, examples=examples)
        found = change(f"x{place}", elements=elements) if count else None
        members[f"x{place}"] = Member(reading=one, lane=lay(one, begin, cell), change=found, is_clean=not count)

    dirty = find_dirty(members)

    assert set(dirty) == {path for path, one in members.items() if one.change}
    for place, (array, changed) in enumerate(zip(arrays, differs, strict=True)):
        if f"x{place}" in dirty:
            found, bytes_ = dirty[f"x{place}"], touched(array, changed, base)
            marked = {byte for run in found.runs for byte in range(run.low, run.high)}
            assert bytes_ <= marked
            if found.is_exact:
                assert sum(run.covered for run in found.runs) == len(bytes_)


def member(shape, strides, offset=0, changed=0, total=None, **more) -> Member:
    low, _ = extent(shape, strides, 4)
    one = reading(1, shape=shape, strides=strides, data_ptr=4096 + offset - low, high=24)
    elements = Elements(changed=changed, total=total or one.numel)
    return Member(reading=one, lane=lay(one, 4096, 0.1), change=change(elements=elements) if changed else None, **more)


def marked(**members: Member) -> dict[str, tuple[list[tuple[int, int]], bool]]:
    return {
        path: ([(run.low, run.high) for run in one.runs], one.is_exact) for path, one in find_dirty(members).items()
    }


def test_where_all_elements_changed_all_bytes_did():
    assert marked(x=member((6,), (4,), changed=6)) == {"x": ([(0, 24)], True)}


def test_where_some_changed_each_may_have():
    assert marked(x=member((6,), (4,), changed=3)) == {"x": ([(0, 24)], False)}


def test_a_row_that_changed_wholly_tells_which_elements_of_its_table_did():
    found = marked(
        table=member((2, 3), (12, 4), changed=3),
        row=member((3,), (4,), changed=3),
        column=member((2,), (12,), 4, changed=1),
    )

    assert found == {"table": ([(0, 12)], True), "row": ([(0, 12)], True), "column": ([(4, 8)], True)}


def test_a_half_that_did_not_change_tells_that_the_other_did():
    found = marked(x=member((6,), (4,), changed=3), right=member((3,), (4,), 12, is_clean=True))

    assert found == {"x": ([(0, 12)], True)}


def test_a_column_that_did_not_change_leaves_the_others():
    found = marked(x=member((2, 3), (12, 4), changed=1), column=member((2,), (12,), 4, is_clean=True))

    assert found == {"x": ([(0, 4), (8, 16), (20, 24)], False)}


def test_elements_that_are_listed_are_the_ones():
    examples = tuple(Example(index=(0, place), before=0.0, after=1.0) for place in (0, 1))
    one = member((2, 3), (-12, 4))
    listed = change(elements=Elements(changed=2, total=6, examples=examples))

    assert marked(x=Member(reading=one.reading, lane=one.lane, change=listed)) == {"x": ([(12, 20)], True)}


def test_what_did_not_change_in_this_cell_may_have_changed_since_an_earlier_one():
    one, right = member((6,), (4,)), member((3,), (4,), 12, is_clean=True)
    late = change(elements=Elements(changed=3, total=6), since=4)

    assert marked(x=Member(reading=one.reading, lane=one.lane, change=late), right=right) == {"x": ([(0, 24)], False)}


@pytest.mark.parametrize("elements", [None, Elements(changed=None, total=6)])
def test_without_a_number_no_byte_is_sure(elements):
    one = member((6,), (4,))
    unsure = Member(reading=one.reading, lane=one.lane, change=change(elements=elements))

    assert marked(x=unsure) == {"x": ([(0, 24)], False)}
