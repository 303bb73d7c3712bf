"""What differs between two looks, written down by hand: columns answer as the records of their rows do."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.records.reading import Reading
from ipy_tensorwatch.core.records.report_parts import Elements
from ipy_tensorwatch.core.records.snapshots.difference import DiffRow, diff
from ipy_tensorwatch.core.records.snapshots.differences import CHANGED, NOT_KNOWN, SAME, Differences, join_looks
from ipy_tensorwatch.core.records.snapshots.outline import Outline, OutlineRun
from ipy_tensorwatch.core.records.snapshots.snapshot import RootSnapshot, Snapshot

NAMES = ("written", "touched", "rebound", "gone", "new", "moved")
BEFORE = {
    "written": Reading("tensor", 1, storage=1, version=0),
    "touched": Reading("tensor", 2, storage=2, version=0),
    "rebound": Reading("tensor", 3, storage=3, version=0),
    "gone": Reading("tensor", 4, storage=4, version=0),
    "moved": Reading("tensor", 6, storage=6, version=0),
}
AFTER = {
    "written": Reading("tensor", 1, storage=1, version=1),
    "touched": Reading("tensor", 2, storage=2, version=1),
    "rebound": Reading("tensor", 7, storage=7, version=0),
    "new": Reading("tensor", 5, storage=5, version=0),
    "moved": Reading("tensor", 6, storage=8, version=0),
}


def scene_of(readings: dict[str, Reading]) -> RootSnapshot:
    return RootSnapshot(
        outline=Outline(runs=[OutlineRun(0, "name", tuple(readings))]), readings=tuple(readings.values())
    )


class Counted(list[Elements | None]):
    """Notes which rows were asked for."""

    asked: list[int]

    def __init__(self, rows: list[Elements | None]) -> None:
        super().__init__(rows)
        self.asked = []

    def __getitem__(self, row):
        self.asked.append(row)
        return super().__getitem__(row)


@pytest.fixture
def found() -> Differences:
    whole = scene_of({name: AFTER.get(name) or BEFORE[name] for name in NAMES})
    rows = [DiffRow(whole, place, BEFORE.get(name), AFTER.get(name)) for place, name in enumerate(NAMES)]
    return Differences(
        rows=rows,
        changed=[True, False, None, None, None, True],
        verified=[True, True, False, False, False, False],
        since=[None, 3, None, None, None, None],
        counts=Counted([Elements(changed=2, total=3), *[None] * 5]),
    )


def test_rows_are_records(found: Differences):
    difference, content = found[1]

    assert [str(one.path) for one, _ in found] == [*NAMES]
    assert (difference.before, difference.after) == (BEFORE["touched"], AFTER["touched"])
    assert (content.changed, content.verified, content.since, content.elements) == (False, True, 3, None)


def test_elements_are_counted_when_they_are_read(found: Differences):
    _, content = found[0]

    assert found.counts.asked == []
    assert content.elements == Elements(changed=2, total=3)
    assert found.counts.asked == [0]


def test_columns_answer_as_the_rows_do(found: Differences):
    assert found.objects.tolist() == [1, 2, 7, 0, 5, 6]
    assert found.storages.tolist() == [1, 2, 7, 0, 5, 8]
    assert found.bytes_changed.tolist() == [CHANGED, SAME, NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, CHANGED]
    assert found.is_same_object.tolist() == [one.is_same_object for one, _ in found]
    assert found.is_mutated.tolist() == [True, False, False, False, False, True]
    assert [row.after for row in found.moved] == [AFTER["moved"]]


def test_no_rows_have_empty_columns():
    empty = Differences()

    assert (len(empty), [*empty], empty.is_mutated.tolist()) == (0, [], [])


def test_one_look_is_joined_as_it_is(found: Differences):
    assert join_looks(((), found)) is found


def test_two_looks_join_from_the_first_before_to_the_last_after(found: Differences):
    joined = {str(one.path): (one, content) for one, content in join_looks((found, found[:1]))}
    difference, content = joined["written"]

    assert (difference.before, difference.after) == (BEFORE["written"], AFTER["written"])
    assert (content.changed, content.elements) == (True, None)


def test_snapshots_are_compared_by_path_where_outlines_differ():
    before, after = (Snapshot(scenes={"": scene_of(one)}) for one in (BEFORE, AFTER))
    rows = [*diff(before, after)]

    assert {str(row.scene.path_at(row.place)): (row.before, row.after) for row in rows} == {
        name: (BEFORE.get(name), AFTER.get(name)) for name in NAMES
    }


def test_a_scene_that_was_read_again_is_compared_place_by_place():
    old = scene_of(BEFORE)
    new = old.with_readings([*[*old.readings][:4], AFTER["moved"]])

    assert [row.place for row in diff(Snapshot(scenes={"": old}), Snapshot(scenes={"": new}))] == [4]
