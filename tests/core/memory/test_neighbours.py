"""Neighbours are found as a search over all entries would find them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ipy_tensorwatch.core.memory.neighbours import Neighbourhood, neighbours_of
from ipy_tensorwatch.core.memory.overlap import share_bytes
from ipy_tensorwatch.core.records.path import AccessPath
from ipy_tensorwatch.core.records.reason import Reason
from ipy_tensorwatch.core.records.snapshots.outline import Outline, OutlineRun
from ipy_tensorwatch.core.records.snapshots.snapshot import RootSnapshot, Snapshot
from tests.support.records import reading

SOME = st.builds(
    lambda number, start, size, step, known: reading(
        number,
        data_ptr=4096 + 4 * start,
        shape=(size,),
        strides=(4 * step,),
        low=4 * start,
        high=4 * start + (4 * step * (size - 1) + 4 if size else 0),
        unknown=None if known else Reason("layout", "sparse_coo"),
    ),
    st.integers(1, 6),
    st.integers(0, 20),
    st.integers(0, 6),
    st.integers(0, 3),
    st.booleans(),
)


def snapshot_of(readings: list) -> Snapshot:
    """Put readings under `x0`, `x1`, …, in two scenes."""
    half = len(readings) // 2
    parts = {"a": range(half), "b": range(half, len(readings))}
    return Snapshot(
        scenes={
            name: RootSnapshot(
                outline=Outline(runs=[OutlineRun(0, "name", tuple(f"x{place}" for place in part))]),
                readings=tuple(readings[place] for place in part),
            )
            for name, part in parts.items()
        }
    )


@given(st.lists(SOME, max_size=12), SOME)
def test_the_index_finds_what_a_search_finds(others: list, target):
    entries = [(AccessPath(f"x{place}"), one) for place, one in enumerate(others)]
    expected = {
        str(path)
        for path, one in entries
        if one.object == target.object
        or (not target.unknown and not one.unknown and share_bytes(target, one) is not False)
    }

    assert {str(path) for path, _ in Neighbourhood(entries).of(target)} == expected
    assert {str(path) for path, _ in neighbours_of(target, snapshot_of(others))} == expected


def test_neighbours_come_in_the_order_in_which_they_were_given():
    entries = [
        (AccessPath(name), reading(place, low=low, data_ptr=4096 + low, shape=(1,), high=low + 4))
        for place, (name, low) in enumerate([("b", 4), ("a", 0)])
    ]

    assert [str(path) for path, _ in Neighbourhood(entries).of(reading(9))] == ["b", "a"]


def test_of_very_many_only_the_most_wanted_number_is_given_of_each_kind():
    names = [reading(1) for _ in range(30)]
    views = [reading(2 + number) for number in range(30)]
    alone = [reading(1, data_ptr=0) for _ in range(30)]

    found = neighbours_of(names[0], snapshot_of([*names, *views]), 8)
    elsewhere = neighbours_of(alone[0], snapshot_of(alone), 8)

    assert (16, 8) == (len(found), len(elsewhere))
