"""What is known of the bytes of storages after a cell, and of what they held while it ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .tracked_tensor import digest_now

if TYPE_CHECKING:
    from ...core.model.reading import Reading
    from ..compare.byte_history import ByteHistory
    from ..compare.fingerprints import Fingerprints, StorageMark


@dataclass(frozen=True, slots=True)
class KnownBytes:
    """The bytes of storages: `prints` after the cell, `past` while it ran."""

    prints: Fingerprints
    past: ByteHistory

    def mark_of(self, storage: int) -> StorageMark | None:
        """Return what is known of a storage's bytes after the cell; None where they were not looked at.

        A storage that variables led to while the cell ran, and that only graphs hold by now, is looked at here.
        """
        if storage in self.prints.waiting:
            return None
        return self.prints.marks.get(storage) or self.past.now(storage)

    def digest_of(self, reading: Reading) -> bytes | None:
        """Digest what a reading's elements hold after the cell; None where they were not looked at."""
        return digest_now(reading, self.mark_of(reading.storage))
