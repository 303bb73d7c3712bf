"""Earlier bytes of storages, oldest dropped first, with what is known to be missing."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from ...core.runtime.record import field, mutable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...core.records.snapshots.snapshot import Entry, Snapshot
    from ..compare.compare_bytes import StorageMark

MOST = 2
"""If more than one in so many tensors was written, the whole snapshot is kept and paths are spelled on demand."""
NOT_READ = ("skipped", "moved", "pending", "captured", "failed")
"""The outcomes of a look that did not read the bytes."""


class ArchivedBytes(NamedTuple):
    """The bytes of one storage as they were before some cells.

    Attributes
    ----------
    first, last
        The cells between which the bytes were not read; mostly one cell.
    entries, snapshot
        The paths that led to the storage then, or the snapshot that holds them.
    """

    storage: int
    first: int
    last: int
    mark: StorageMark
    entries: tuple[Entry, ...] = ()
    snapshot: Snapshot | None = None

    @property
    def readings(self) -> tuple[Entry, ...]:
        """The paths that led to the storage then."""
        return self.entries if self.snapshot is None else self.snapshot.by_storage.get(self.storage)


@mutable(kw_only=True)
class KeptBytes:
    """The bytes of storages from before the cells that wrote them.

    Attributes
    ----------
    kept
        By storage, oldest first.
    order
        The storages in the order of their writes.
    lost
        By storage, the last cell before which its bytes are not known: not yet allocated, never copied, or dropped.
    size
        The bytes kept, with the cost of keeping them.
    """

    cost: ClassVar[int] = 0
    """The cost of keeping a copy beside its bytes, in bytes."""

    kept: dict[int, deque[ArchivedBytes]] = field(default_factory=dict)
    order: deque[int] = field(default_factory=deque)
    lost: dict[int, int] = field(default_factory=dict)
    size: int = 0

    def find_alone(self, storage: int, cell: int) -> ArchivedBytes | None:
        """Return the bytes of a storage from before a cell: those replaced by the first write since then."""
        if self.lost.get(storage, 0) >= cell:
            return None
        return next((one for one in self.kept.get(storage, ()) if one.last >= cell), None)

    def put(self, one: ArchivedBytes) -> None:
        """Keep the bytes of a storage, the latest of its earlier ones."""
        known = self.kept.get(one.storage)
        if known is None:
            self.kept[one.storage] = deque((one,))
        else:
            known.append(one)
        self.order.append(one.storage)
        self.size += self.cost_of(one.mark)

    def drop_oldest_alone(self) -> None:
        """Drop the oldest bytes of a single storage."""
        several = self.kept.get(self.order.popleft())
        if several:
            one = several.popleft()
            self.size -= self.cost_of(one.mark)
            self.lose_before(one.storage, one.last)

    def lose_before(self, storage: int, cell: int) -> None:
        """Record that the bytes of a storage from before a cell, and from before earlier ones, are not known."""
        self.lost[storage] = max(cell, self.lost.get(storage, 0))

    def forget_all_but(self, storages: Mapping[int, object]) -> None:
        """Drop the storages that are not watched any more."""
        for storage in self.lost.keys() - storages.keys():
            del self.lost[storage]
        gone = self.kept.keys() - storages.keys()
        self.size -= sum(self.cost_of(one.mark) for storage in gone for one in self.kept.pop(storage))
        if gone:
            self.order = deque(one for one in self.order if one in self.kept)

    def cost_of(self, mark: StorageMark) -> int:
        """Return how many bytes it takes to keep those of a mark."""
        return mark.block.nbytes + self.cost
