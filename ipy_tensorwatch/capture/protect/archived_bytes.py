"""The bytes of one storage from before a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ...core.model.snapshots.snapshot import Entry, Snapshot
    from ..compare.compare_bytes import StorageMark

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
