"""Find the entries that share a byte with a reading, without comparing all of them."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from ..records.snapshots.intervals import Intervals
from .overlap import share_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..records.path import AccessPath
    from ..records.reading import Reading
    from ..records.snapshots.snapshot import Snapshot


_Owner = TypeVar("_Owner")


class Neighbourhood(Generic[_Owner]):
    """Readings and their owners, in address order."""

    def __init__(self, entries: Iterable[tuple[_Owner, Reading]]) -> None:
        self._entries = list(entries)
        self._readings = [reading for _, reading in self._entries]
        self._intervals = Intervals(self._readings)
        self._by_object: Mapping[int, list[int]] = defaultdict(list)
        for place, one in enumerate(self._readings):
            self._by_object[one.object].append(place)

    def of(self, reading: Reading) -> list[tuple[_Owner, Reading]]:
        """Return the entries that share a byte, in the given order, then others of the same object."""
        near = list(_sharing(reading, self._intervals, self._readings))
        same = [place for place in self._by_object.get(reading.object, ()) if place not in near]
        return [self._entries[place] for place in (*near, *same)]


def neighbours_of(reading: Reading, snapshot: Snapshot, most: int | None = None) -> list[tuple[AccessPath, Reading]]:
    """Return the entries that share a byte with a reading, in order, then others of the same object.

    Parameters
    ----------
    most
        The maximum number of entries that share a byte, and of others; None for all.
    """
    sharing = (
        (scene, place)
        for scene in snapshot.scenes.values()
        for place in _sharing(reading, scene.intervals, scene.readings)
    )
    near = list(islice(sharing, most))
    known = {(id(scene), place) for scene, place in near}
    same = [(scene, place) for scene in snapshot.scenes.values() for place in scene.by_object.get(reading.object, ())]
    found = [*near, *islice((one for one in same if (id(one[0]), one[1]) not in known), most)]
    return [(scene.path_at(place), scene.readings[place]) for scene, place in found]


def _sharing(reading: Reading, intervals: Intervals, readings: Sequence[Reading]) -> Iterator[int]:
    if reading.unknown or not reading.data_ptr:
        return
    start = reading.address
    for place in sorted(intervals.meeting(start, start + reading.high - reading.low)):
        other = readings[place]
        if other is reading or share_bytes(reading, other) is not False:
            yield place
