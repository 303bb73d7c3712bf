"""Copies of large storages while one cell runs, so that `%%tensordiff` can count changed elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.runtime.record import field, mutable
from .compare_bytes import ByteVerdict, Fingerprints, StorageMark
from .element_diff import ElementCounts, compare_elements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...core.records.snapshots.differences import Differences
    from ..memory.byte_block import Block

MAX_BYTES = 1 << 28


@mutable
class FullCopies:
    """Copies of storages that otherwise have only a digest, up to a total size."""

    copies: dict[int, StorageMark] = field(default_factory=dict)
    nbytes: int = 0

    def take(self, blocks: Mapping[int, Block], prints: Fingerprints) -> None:
        """Copy the storages that have no copy yet."""
        for storage, block in blocks.items():
            mark = prints.marks.get(storage)
            fits = self.nbytes + block.nbytes <= MAX_BYTES
            if mark is not None and mark.copy is None and mark.block == block and fits:
                copy = StorageMark.of(block)
                if copy is not None and copy.digest == mark.digest:
                    self.copies[storage] = copy
                    self.nbytes += block.nbytes

    def compare(
        self, found: Differences, blocks: Mapping[int, Block], prints: Fingerprints, examples: int
    ) -> Differences:
        """Count the changed elements of storages that only have a digest."""
        after: dict[int, StorageMark | None] = {}
        for row, (_, _, before, now) in enumerate(found.rows if self.copies else ()):
            storage = before.storage if before else 0
            if storage not in self.copies or now is None or now.storage != storage or not found.changed[row]:
                continue
            if storage not in after:
                block = blocks.get(storage)
                after[storage] = StorageMark.of(block) if block else None
            sharper = {storage: ByteVerdict("changed", self.copies[storage], after[storage])}
            content = compare_elements(before, now, sharper, prints, examples)
            if after[storage] and content.elements and isinstance(found.counts, ElementCounts):
                found.counts.sharpen(row, content.elements)
        return found
