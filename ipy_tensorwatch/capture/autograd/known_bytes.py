"""The known bytes of storages, after a cell and while it ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.runtime.record import record
from .tracked_tensor import digest_now

if TYPE_CHECKING:
    from ...core.records.reading import Reading
    from ..compare.byte_history import ByteHistory
    from ..compare.compare_bytes import Fingerprints, StorageMark


@record(kw_only=False)
class KnownBytes:
    """The known bytes of storages: `prints` after the cell, `past` while it ran."""

    prints: Fingerprints
    past: ByteHistory

    def mark_of(self, storage: int) -> StorageMark | None:
        """Return the mark of a storage after the cell; None if it was not read.

        A storage that only graphs still hold is read here, on demand.
        """
        if storage in self.prints.waiting:
            return None
        return self.prints.mark_of(storage) or self.past.now(storage)

    def digest_of(self, reading: Reading) -> bytes | None:
        """Digest the bytes of a reading's elements after the cell; None if they were not read."""
        return digest_now(reading, self.mark_of(reading.storage))
