"""The writes that only the comparison after a cell found: one record a storage, made when it is asked for."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from ...core.records.trace.evidence import Position, SeenWrite, WritesOnDemand
from ..compare.compare_bytes import ByteVerdict
from .memory_watch.watched_storage import Rewritten, differing_bytes, lies_in_whole_readings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ...core.records.snapshots.snapshot import Snapshot

NO_VERDICTS: Mapping[int, ByteVerdict] = MappingProxyType({})
NONE: Mapping[int, tuple[SeenWrite, ...]] = MappingProxyType({})


class WritesAtEnd(WritesOnDemand):
    """The writes of storages that no look read while the cell ran: any of its statements may have made each of them.

    Parameters
    ----------
    verdicts
        The storages whose bytes changed.
    positions
        The positions of the whole cell.
    look
        The number of the look after the cell.
    after
        The snapshot after the cell; None if its paths do not tell which bytes are read.
    earlier
        The writes of the other storages.
    """

    def __init__(
        self,
        verdicts: Mapping[int, ByteVerdict] = NO_VERDICTS,
        positions: frozenset[Position] = frozenset(),
        look: int = 0,
        after: Snapshot | None = None,
        earlier: Mapping[int, tuple[SeenWrite, ...]] = NONE,
    ) -> None:
        self._verdicts, self.positions, self._look, self._after = verdicts, positions, look, after
        self._made = {**earlier}

    def after_those(self, earlier: Iterable[SeenWrite]) -> WritesAtEnd:
        """Add the writes of other storages, in order."""
        found: dict[int, tuple[SeenWrite, ...]] = {}
        for one in earlier:
            found[one.storage] = (*found.get(one.storage, ()), one)
        return WritesAtEnd(self._verdicts, self.positions, self._look, self._after, found)

    def __len__(self) -> int:
        """Count the written storages."""
        return len(self._made.keys() | self._verdicts.keys())

    def __iter__(self) -> Iterator[int]:
        """Iterate over the written storages."""
        return iter(dict.fromkeys((*self._made, *self._verdicts)))

    def __contains__(self, storage: object) -> bool:
        """Return whether a storage was written."""
        return storage in self._verdicts or storage in self._made

    def __getitem__(self, storage: int) -> tuple[SeenWrite, ...]:
        """Return the writes to a storage."""
        if storage not in self._made:
            self._made[storage] = (self._make(storage),)
        return self._made[storage]

    @property
    def nbytes(self) -> int:  # type: ignore[override]
        """The bytes that the masks of the recorded writes take."""
        return sum(len(one.mask) for several in self._made.values() for one in several if one.mask)

    def without_masks(self) -> Mapping[int, tuple[SeenWrite, ...]]:
        """Return the same writes without masks, and without the copies."""
        bare = dict.fromkeys(self._verdicts, ByteVerdict("changed", None, None))
        made = {one: tuple(write._replace(mask=None) for write in several) for one, several in self._made.items()}
        return WritesAtEnd(bare, self.positions, self._look, None, made)

    def _make(self, storage: int) -> SeenWrite:
        _, before, after, _ = self._verdicts[storage]
        if before is None or after is None:
            return SeenWrite(storage, self.positions, self._look)
        one = Rewritten(storage, 0, differing_bytes(before.copy, after.copy), after.block.low)
        is_all_one = self._after is not None and lies_in_whole_readings(one, self._after)
        mask = one.mask.tobytes() if one.mask and not is_all_one else None
        return SeenWrite(storage, self.positions, self._look, mask, one.low)
