"""Indexes over the snapshot after a cell: which paths share memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from ...memory.neighbours import neighbours_of
from ...records.path import AccessPath, count_alike
from ...runtime.grouped import grouped
from ...statements.target_matching import longest_watched
from ...syntax.name_promises import says_own_values

if TYPE_CHECKING:
    from ...records.reading import Reading
    from ...records.snapshots.difference import Difference
    from ...records.snapshots.snapshot import Entry, Snapshot


class SnapshotIndex:
    """Indexes over one snapshot, each built on first use."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._counts: dict[int, int] = {}
        self._alike: dict[tuple[str, ...], bool] = {}

    def overlapping(self, reading: Reading, most: int | None = None) -> list[Entry]:
        """Return the entries that are the same object as a reading, and those, at most `most`, that share a byte."""
        return neighbours_of(reading, self.snapshot, most)

    @cached_property
    def components(self) -> Mapping[AccessPath, list[Entry]]:
        """The components of sparse tensors, which have no memory but theirs, by the path of the tensor."""
        scenes = self.snapshot.scenes.values()
        found = (
            (scene, place) for scene in scenes for place, one in enumerate(scene.readings) if one.kind == "component"
        )
        entries = ((scene.path_at(place), scene.readings[place]) for scene, place in found)
        return grouped(entries, lambda entry: entry[0].owner)

    def lying_on(self, reading: Reading) -> list[Entry]:
        """Return the entries that share a byte with a reading, those of the same layout first."""
        return sorted(self.overlapping(reading), key=lambda entry: entry[1].layout != reading.layout)

    def in_storage(self, storage: int) -> list[Entry]:
        """Return the entries of a storage."""
        return list(self.snapshot.by_storage.get(storage, ()))

    def sharing(self, difference: Difference) -> list[AccessPath]:
        """Return the path of a difference, and the paths that share a byte with it."""
        reading = difference.after or difference.before
        return [difference.path, *(path for path, _ in self.overlapping(reading))] if reading else []

    @cached_property
    def watched(self) -> Mapping[str, Reading]:
        """All readings by spelled path, to find the longest one that a statement names."""
        return SpelledPaths(self.snapshot)

    def led_to(self, path: AccessPath) -> frozenset[str] | None:
        """Return the tensors that a path of a function leads to: it may go on inside one; None if not known.

        Of a container, which has no memory of its own, none.
        """
        found = frozenset(longest_watched(path, self.watched)[0])
        return found or (frozenset() if any(one.startswith(f"{path}[") for one in self.watched) else None)

    def behind(self, path: AccessPath) -> frozenset[str]:
        """Return the tensors at or behind a path."""
        scenes = self.snapshot.scenes
        chosen = [scenes[path.root]] if path.root in scenes else scenes.values()
        return frozenset(str(one) for scene in chosen for one in scene.paths if path.leads_to(one))

    def count_in(self, storage: int) -> int:
        """Count the paths that lead into a storage."""
        if storage not in self._counts:
            self._counts[storage] = sum(1 for _ in self.snapshot.by_storage.places(storage))
        return self._counts[storage]

    def is_one_module(self, one: AccessPath, other: AccessPath) -> bool:
        """Return whether two buffer paths go through one module: all its parameters and buffers are identical."""
        shared = count_alike([path.steps[::-1] for path in (one, other)])
        starts = tuple(str(path.first(len(path.steps) - shared)) for path in (one, other))
        if starts not in self._alike:
            self._alike[starts] = self._below(starts[0]) == self._below(starts[1])
        return self._alike[starts]

    def ways_through_module(self, path: AccessPath, same: Iterable[AccessPath]) -> frozenset[str]:
        """Return those of a buffer's other paths that go through its own module: `bns[0].mean` of `net[1].mean`.

        What has the name of a copy is to have values of its own.
        """
        if any(map(says_own_values, path.parts)):
            return frozenset()
        alike = [one for one in same if one.steps[-1:] == path.steps[-1:]]
        return frozenset(str(one) for one in alike if self.is_one_module(path, one))

    def _below(self, start: str) -> frozenset[int]:
        """Return the parameters and buffers behind a path."""
        behind = (f"{start}.", f"{start}[")
        found = (self.watched[one] for one in self.watched if one.startswith(behind))
        return frozenset(reading.object for reading in found if reading.kind in _OF_MODULES)


_OF_MODULES = frozenset(("parameter", "buffer"))


class SpelledPaths(Mapping[str, "Reading"]):
    """The readings of a snapshot by spelled path, over whatever way; spellings of earlier looks are reused."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def __getitem__(self, path: str) -> Reading:
        """Find the reading of a path."""
        found = self._snapshot.get(path) or self._snapshot.get(self._snapshot.ways.resolve(path))
        if found is None:
            raise KeyError(path)
        return found

    def __iter__(self) -> Iterator[str]:
        """Iterate over the paths."""
        return chain.from_iterable(scene.places for scene in self._snapshot.scenes.values())

    def __len__(self) -> int:
        """Count the paths."""
        return sum(len(scene.places) for scene in self._snapshot.scenes.values())
