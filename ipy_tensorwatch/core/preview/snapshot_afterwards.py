"""What the names would lead to after a cell: the snapshot of the variables whose memory it writes."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ..records.path import AccessPath
from ..records.reading import Reading, at_versions
from ..records.snapshots.outline import Outline
from ..records.snapshots.snapshot import RootSnapshot, Snapshot
from .values.abstract_values import AbstractObject, AbstractTensor, AbstractValue, Either

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .known_state import KnownState
    from .run.abstract_run import AbstractRun

    LaterEntry = tuple[AccessPath, Reading]

DEEPEST_WALK, MOST_PATHS = 6, 1000


class LaterPlace(NamedTuple):
    """A path after the cell, the moment since which it leads there, and the statement of that moment."""

    path: AccessPath
    reading: Reading
    since: int
    statement: int


class Afterwards:
    """The paths after the cell: those that it made, and those from before that share memory with what it writes.

    Parameters
    ----------
    also
        Paths that are looked up too.
    """

    def __init__(self, run: AbstractRun, known: KnownState, also: Iterable[str] = ()) -> None:
        self._run, self._known, self._also = run, known, frozenset(path.split(".")[0].split("[")[0] for path in also)
        self.interpreter = run.interpreter
        self._beside: dict[int, Sequence[LaterEntry]] = {}

    @cached_property
    def places(self) -> Mapping[str, LaterPlace]:
        """The paths of every variable that the cell bound or put something into."""
        return {str(one.path): one for one in self._walk_all()}

    def _walk_all(self) -> Iterator[LaterPlace]:
        interpreter = self.interpreter
        for name, value in interpreter.top.names.items():
            since, _ = interpreter.notes.bound.get(name, (0, 0))
            yield from self._walk(AccessPath(name), value, since)
        for name in interpreter.scene.touched(frozenset(interpreter.top.names)):
            yield from self._walk(AccessPath(name), interpreter.scene.look_up(name), 0)

    def _walk(self, path: AccessPath, value: AbstractValue, since: int) -> Iterator[LaterPlace]:
        for found, reading, moment in _walk(path, value, since):
            yield LaterPlace(found, reading, moment, self.interpreter.notes.statement_at(moment))

    @cached_property
    def roots(self) -> frozenset[str]:
        """The variables that the cell bound or put something into."""
        return frozenset((*(one.path.root for one in self.places.values()), *self.interpreter.top.names))

    @cached_property
    def storages(self) -> frozenset[int]:
        """The storages of the memory that is written."""
        written = {write.reading.storage for write in self._run.memory.writes}
        stopped = self._run.stopped
        written |= {stopped.tensor.reading.storage} if stopped is not None and stopped.tensor is not None else set()
        return frozenset(written).union(*(self._known.in_one_memory.get(one, ()) for one in written))

    @cached_property
    def snapshot(self) -> Snapshot:
        """The snapshot after the cell."""
        before, roots = self._known.snapshot, self.roots
        names = frozenset[str]().union(*(self._known.scenes_of.get(one, ()) for one in self.storages)) | self._also
        scenes = {name: before.scenes[name] for name in names if name and name in before.scenes and name not in roots}
        made: dict[str, list[LaterEntry]] = defaultdict(list)
        made[""] += self._variables()
        for one in self.places.values():
            made[one.path.root if one.path.steps else ""].append((one.path, one.reading))
        scenes |= {name: make_scene(entries) for name, entries in made.items()}
        moved = {name: self._moved_on(scene) for name, scene in sorted(scenes.items())}  # the variables come first
        return Snapshot(scenes=moved, several_ways=before.several_ways)

    def _variables(self) -> Iterator[LaterEntry]:
        """Yield the variables from before the cell that share memory with what it writes."""
        scene = self._known.snapshot.scenes.get("")
        if scene is None:
            return
        near = self.storages & scene.by_storage.keys()
        places = {place for storage in near for place in scene.places_of(storage)}
        places |= {scene.places[name] for name in self._also if name in scene.places}
        for place in sorted(places):
            if scene.paths[place].root not in self.roots:
                yield scene.paths[place], scene.readings[place]

    def _moved_on(self, scene: RootSnapshot) -> RootSnapshot:
        """Return a scene with the version counters that the writes have moved."""
        versions = self._run.memory.versions
        touched = versions.keys() & scene.by_storage.keys()
        if not touched:
            return scene
        readings = list(scene.readings)
        places = [(place, versions[storage]) for storage in touched for place in scene.places_of(storage)]
        counted = [(place, moved) for place, moved in places if readings[place].version is not None]
        old = [readings[place] for place, _ in counted]
        moved = [(one.version or 0) + moved for one, (_, moved) in zip(old, counted, strict=True)]
        for (place, _), one in zip(counted, at_versions(old, moved), strict=True):
            readings[place] = one
        return scene.with_readings(readings, same_memory=True)

    def beside(self, reading: Reading) -> Sequence[LaterEntry]:
        """Return the paths in the memory of a reading."""
        found = self._beside.get(reading.storage)
        if found is None:
            together = self._known.in_one_memory.get(reading.storage, (reading.storage,))
            found = self._beside[reading.storage] = [one for storage in together for one in self._entries_of(storage)]
        return found

    def _entries_of(self, storage: int) -> Iterator[LaterEntry]:
        for scene in self.snapshot.scenes.values():
            if storage in scene.by_storage:
                yield from ((scene.paths[place], scene.readings[place]) for place in scene.places_of(storage))

    def is_as_before(self, storage: int) -> bool:
        """Return whether the cell gives no new path to a storage."""
        return storage not in self._made_storages

    @cached_property
    def _made_storages(self) -> frozenset[int]:
        return frozenset([one.reading.storage for one in self.places.values()])

    def lasts(self, path: str) -> bool:
        """Return whether a path leads to the same tensor as before the cell."""
        before, now = self._known.readings.get(path), self.snapshot.get(path)
        return before is not None and now is not None and before.object == now.object


def _walk(path: AccessPath, value: AbstractValue, since: int) -> Iterator[tuple[AccessPath, Reading, int]]:
    """Yield the paths behind a variable, and the moments since which they lead where they lead."""
    waiting = [(path, value, since)]
    seen: set[int] = set()
    for _ in range(MOST_PATHS):
        if not waiting:
            break
        path, value, since = waiting.pop()
        if isinstance(value, Either):
            value = value.options[-1]
        if isinstance(value, AbstractTensor):
            yield path, value.reading, since
            if value.grad is not None:
                later = max(since, value.since.get(".grad", 0))
                yield path.then(".grad"), value.grad.reading, later
        elif isinstance(value, AbstractObject) and id(value) not in seen and len(path.steps) < DEEPEST_WALK:
            seen.add(id(value))
            waiting += [
                (path.then(step), one, max(since, value.since.get(step, 0)))
                for step, one in reversed(list(value.parts.items()))
                if "?" not in step
            ]


def make_scene(entries: Iterable[LaterEntry]) -> RootSnapshot:
    """Return a scene of some paths, whose outline is not known."""
    listed = [*entries]
    scene = RootSnapshot(outline=Outline(), readings=tuple(reading for _, reading in listed))
    vars(scene)["paths"] = tuple(path for path, _ in listed)
    return scene
