"""A snapshot: every path and its reading after one cell."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from ...runtime.record import field, mutable, record
from ..reading import TOO_MANY, Reading
from ..report_parts import TensorRecord
from .intervals import Intervals
from .outline import Outline
from .ways import Way, Ways

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..path import AccessPath

    Entry = tuple[AccessPath, Reading]

_LOOKED_AT = ("cpu", "meta", "unknown")


@record(eq=False, slots=False)
class RootSnapshot:
    """The paths under one name, read once. An unchanged scene is reused by later snapshots."""

    outline: Outline = field(default_factory=Outline)
    readings: tuple[Reading, ...] = ()

    @cached_property
    def paths(self) -> tuple[AccessPath, ...]:
        """The paths, in the order of the readings."""
        return tuple(self.outline.paths())

    def path_at(self, place: int) -> AccessPath:
        """Return one path without spelling the others."""
        return self.paths[place] if "paths" in vars(self) else self.outline.path_at(place)

    def with_readings(self, readings: Sequence[Reading], *, same_memory: bool = False) -> RootSnapshot:
        """Return a scene of the same paths, whose spellings are shared.

        Parameters
        ----------
        same_memory
            Whether the readings differ from those of this scene only in their versions.
        """
        scene = RootSnapshot(outline=self.outline, readings=tuple(readings))
        known = vars(self)
        vars(scene).update({name: known[name] for name in (_OF_MEMORY if same_memory else _OF_PATHS) if name in known})
        return scene

    @cached_property
    def entries(self) -> tuple[tuple[AccessPath, Reading], ...]:
        """The paths, each with its reading."""
        return tuple(zip(self.paths, self.readings, strict=True))

    @cached_property
    def untold(self) -> tuple[tuple[AccessPath, Reading], ...]:
        """The entries whose bytes are not compared: memory that is not known, or memory of a device."""
        found = [i for i, one in enumerate(self.readings) if one.unknown or one.device not in _LOOKED_AT]
        return tuple((self.paths[i], self.readings[i]) for i in found)

    @cached_property
    def with_history(self) -> tuple[int, ...]:
        """The places of the readings of non-leaf tensors."""
        return tuple(
            [i for i, one in enumerate(self.readings) if not one.is_leaf and one.grad_fn not in (None, TOO_MANY)]
        )

    @cached_property
    def has_unasked(self) -> bool:
        """Whether the `grad_fn` of a tensor was not read because there were too many."""
        return any(one.grad_fn == TOO_MANY for one in self.readings)

    @cached_property
    def gradients(self) -> tuple[tuple[int, int], ...]:
        """The places of tensors with a gradient, each with the gradient's place."""
        found: list[tuple[int, int]] = []
        place = 0
        for run in self.outline.runs:
            if run.style == "grad":
                found += [(base, place + i) for i, base in enumerate(run.keys) if isinstance(base, int)]
            place += len(run.keys)
        return tuple(found)

    @cached_property
    def by_storage(self) -> Mapping[int, int | tuple[int, ...]]:
        """The places of the readings by storage serial; an int if there is only one."""
        found: dict[int, int | tuple[int, ...]] = {}
        for place, one in enumerate(self.readings):
            if one.storage and not one.unknown:
                known = found.setdefault(one.storage, place)
                if known != place:
                    found[one.storage] = (*((known,) if isinstance(known, int) else known), place)
        return found

    @cached_property
    def by_object(self) -> Mapping[int, Sequence[int]]:
        """The places of the readings by object serial."""
        found: dict[int, list[int]] = {}
        for place, one in enumerate(self.readings):
            found.setdefault(one.object, []).append(place)
        return found

    @cached_property
    def intervals(self) -> Intervals:
        """The readings' address intervals."""
        return Intervals(self.readings)

    @cached_property
    def spans(self) -> Mapping[int, tuple[int, int]]:
        """The addresses between which the readings of each storage lie, where they are known."""
        found: dict[int, tuple[int, int]] = {}
        for one in self.readings:
            if one.storage and not one.unknown and one.data_ptr:
                address = one.address
                low, end = address, address + one.high - one.low
                if one.storage in found:
                    low, end = min(low, found[one.storage][0]), max(end, found[one.storage][1])
                found[one.storage] = low, end
        return found

    @cached_property
    def words(self) -> frozenset[str]:
        """The steps and keys that its paths are made of, without the name that they start from."""
        steps = {step for parent, step in self.outline.nodes if parent >= 0}
        return frozenset(steps.union(key for run in self.outline.runs for key in run.keys if type(key) is str))

    def places_of(self, storage: int) -> tuple[int, ...]:
        """Return the places of the readings of a storage."""
        places = self.by_storage.get(storage, ())
        return (places,) if isinstance(places, int) else places

    def summed_up(self, places: Sequence[int], many: int) -> Iterator[tuple[str, int]]:
        """Yield the paths of some places, or of a container that holds more than `many`; each with its first place."""
        stops, start = self.outline.stops(), 0
        while start < len(places):
            number = bisect_right(stops, places[start])
            stop, run = bisect_left(places, stops[number], start), self.outline.runs[number]
            if stop - start > many:
                whole = "the variables" if run.style == "name" else str(self.outline.node_path(run.node))
                yield whole, places[start]
            else:
                yield from ((str(self.paths[place]), place) for place in places[start:stop])
            start = stop

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The places of the readings by spelled path."""
        return {str(path): place for place, path in enumerate(self.paths)}


_OF_PATHS = ("paths", "words", "_stops", "places")
_OF_HISTORY = ("with_history", "has_unasked", "gradients")
_OF_MEMORY = (*_OF_PATHS, *_OF_HISTORY, "untold", "by_storage", "by_object", "intervals", "spans")
"""The cached properties that a scene of the same paths and memory can reuse."""


@mutable
class ByStorage:
    """Finds the entries of a storage; only those asked for are spelled and sorted."""

    scenes: tuple[RootSnapshot, ...]
    _places: dict[int, list[tuple[RootSnapshot, int]]] | None = None
    _asked: int = 0

    def get(self, storage: int, default: tuple[Entry, ...] = ()) -> tuple[Entry, ...]:
        """Return the entries of a storage."""
        return tuple((scene.path_at(place), scene.readings[place]) for scene, place in self.places(storage)) or default

    def readings(self, storage: int) -> list[Reading]:
        """Return the readings of a storage."""
        return [scene.readings[place] for scene, place in self.places(storage)]

    def places(self, storage: int) -> Sequence[tuple[RootSnapshot, int]]:
        """Return the places of a storage, scene by scene."""
        self._asked += 1
        if self._places is None:
            if self._asked <= FEW:
                return [(scene, place) for scene in self.scenes for place in scene.places_of(storage)]
            self._places = self._indexed()
        return self._places.get(storage, ())

    def values(self) -> Iterator[tuple[Entry, ...]]:
        """Iterate over the entries, storage by storage."""
        return map(self.get, dict.fromkeys(chain.from_iterable(scene.by_storage for scene in self.scenes)))

    def _indexed(self) -> dict[int, list[tuple[RootSnapshot, int]]]:
        found: dict[int, list[tuple[RootSnapshot, int]]] = {}
        for scene in self.scenes:
            for storage, places in scene.by_storage.items():
                several = (places,) if isinstance(places, int) else places
                found.setdefault(storage, []).extend([(scene, place) for place in several])
        return found


FEW = 64
"""From this many queries, the places are first indexed by storage."""


@record(eq=False, slots=False)
class Snapshot:
    """Every tensor and array reachable from the user's names after one cell.

    Attributes
    ----------
    several_ways
        The containers that more than one path leads to, although they are in one scene only.
    """

    scenes: Mapping[str, RootSnapshot] = field(default_factory=dict)
    several_ways: tuple[Way, ...] = ()

    def __len__(self) -> int:
        """Count the paths."""
        return sum(len(scene.readings) for scene in self.scenes.values())

    def entries(self) -> Iterator[tuple[AccessPath, Reading]]:
        """Iterate over all paths and readings."""
        return chain.from_iterable(scene.entries for scene in self.scenes.values())

    def get(self, path: str) -> Reading | None:
        """Return the reading of a spelled path."""
        found = self.place_of(path)
        return found[0].readings[found[1]] if found else None

    def place_of(self, path: str) -> tuple[RootSnapshot, int] | None:
        """Return the scene and place of a spelled path."""
        anywhere = ((one, one.places[path]) for one in self.scenes.values() if path in one.places)
        return self.place_at_root(path) or next(anywhere, None)

    @cached_property
    def ways(self) -> Ways:
        """The second ways to containers."""
        return Ways(self.several_ways)

    def place_at_root(self, path: str) -> tuple[RootSnapshot, int] | None:
        """Return the scene and place of a spelled path in the scene of its root alone: no other scene is spelled.

        Tensors with names share one scene, with their own parts.
        """
        scene = self.scenes.get(path.partition(".")[0].partition("[")[0]) or self.scenes.get("")
        place = scene.places.get(path) if scene else None
        return None if scene is None or place is None else (scene, place)

    @cached_property
    def by_storage(self) -> ByStorage:
        """The entries by storage serial; those without a storage are left out."""
        return ByStorage(tuple(self.scenes.values()))

    @cached_property
    def records(self) -> tuple[TensorRecord, ...]:
        """The entries as records of the report."""
        return tuple(_record(path, reading) for path, reading in self.entries())


def _record(path: AccessPath, reading: Reading) -> TensorRecord:
    item = reading.itemsize or 1
    return TensorRecord(
        path=path,
        kind=reading.kind,
        object=reading.object,
        storage=reading.storage,
        device=reading.device,
        dtype=reading.dtype,
        itemsize=reading.itemsize,
        shape=reading.shape,
        strides=tuple(stride // item for stride in reading.strides),
        data_ptr=reading.data_ptr,
        span=(reading.low, reading.high),
        version=reading.version,
        requires_grad=reading.requires_grad,
        is_leaf=reading.is_leaf,
        grad_fn=reading.grad_fn,
        unknown=reading.unknown,
    )
