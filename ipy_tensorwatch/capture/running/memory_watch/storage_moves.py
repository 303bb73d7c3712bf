"""Track tensors whose memory a running cell replaces: `x.data = y`, `set_`, `swap_tensors`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ....core.records.trace.evidence import Move, Position
from ....core.runtime.record import field, mutable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ....core.records.reading import Reading
    from ....core.records.snapshots.difference import DiffRow
    from ...snapshot.snapshotter import Shot


class Moved(NamedTuple):
    """A tensor that is in another storage than at the look `since`."""

    object: int
    storage: int
    since: int
    reading: Reading

    def seen(self, positions: frozenset[Position], look: int) -> Move:
        """Return the move as a look saw it, made at one of some positions."""
        return Move(object=self.object, storage=self.storage, positions=positions, look=look, reading=self.reading)


@mutable(eq=False, slots=False)
class StorageMoves:
    """The storage of each tensor, as of the last time it was followed.

    Attributes
    ----------
    before
        The snapshot that the cell began with.
    followed
        The look at which all tensors were last followed.
    born
        By tensor, the reading of those that the cell bound, when they were first seen.
    left
        By tensor, where it was, and the last look that saw it there.
    """

    before: Shot
    followed: int = 0
    born: dict[int, Reading] = field(default_factory=dict)
    left: dict[int, list[tuple[Reading, int]]] = field(default_factory=dict)

    @cached_property
    def storage_of(self) -> dict[int, int]:
        """Storage serials by tensor serial."""
        scenes = self.before.snapshot.scenes.values()
        return {reading.object: reading.storage for scene in scenes for reading in scene.readings}

    def follow(self, shot: Shot, number: int) -> Iterator[Moved]:
        """Yield the tensors that are in another storage now."""
        carried_over = {id(scene) for scene in self.before.snapshot.scenes.values()}
        for scene in shot.snapshot.scenes.values():
            for reading in scene.readings if id(scene) not in carried_over else ():
                yield from self._move(reading)
        self.followed = number

    def settle(self, rows: Iterable[DiffRow]) -> Iterator[Moved]:
        """Yield the tensors that moved since they were last followed, after the cell has ended."""
        for one in rows:
            if one.after is not None:
                yield from self._move(one.after)

    def _move(self, reading: Reading) -> Iterator[Moved]:
        tensor, storage = reading.object, reading.storage
        before = self.storage_of.get(tensor, storage)
        if before != storage and reading.kind != "ndarray":  # an array is given no other memory, only another number
            self.storage_of[tensor] = storage
            self.left.setdefault(tensor, []).extend(self._place_at(tensor, before))
            yield Moved(tensor, storage, self.followed, reading)

    def places(self, tensor: int, storage: int) -> list[tuple[Reading, int]]:
        """Return where a tensor was before it came to a storage, each with the last look that saw it there."""
        before = self.storage_of.get(tensor, storage) if self.followed else storage
        last = self._place_at(tensor, before) if before != storage else []
        return [*self.left.get(tensor, ()), *last]

    def _place_at(self, tensor: int, storage: int) -> list[tuple[Reading, int]]:
        """Return the reading of a tensor in the storage that it was in until now, if it is known."""
        scenes = self.before.snapshot.scenes.values()
        known = (scene.readings[place] for scene in scenes for place in scene.by_object.get(tensor, ()))
        reading = self.born.get(tensor) or next(known, None)
        return [(reading, self.followed)] if reading is not None and reading.storage == storage else []

    def take_in(self, readings: Iterable[Reading]) -> None:
        """Follow tensors that the cell has just bound."""
        for one in readings:
            self.storage_of[one.object], self.born[one.object] = one.storage, one
