"""Borrowed memory: its lender may be freed if the borrower does not hold it (DLPack)."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from ...core.runtime.record import field, mutable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..memory.byte_block import Block
    from ..tensors.serials import StorageSerials


@mutable
class BorrowedMemory:
    """Maps each borrowing storage, by serial, to the storage that owns the memory.

    Attributes
    ----------
    gone
        The borrowers whose lender was freed.
    """

    gone: frozenset[int] = frozenset()
    _lenders: dict[int, int | None] = field(default_factory=dict)

    def follow(self, blocks: Mapping[int, Block], storages: StorageSerials) -> None:
        """Record lenders that died since the last look, and the lenders of new storages."""
        borrowers = storages.foreign & blocks.keys()
        self._lenders = {one: lender for one, lender in self._lenders.items() if one in borrowers}
        self.gone = self.lost(storages)
        fresh = borrowers - self._lenders.keys()
        if fresh:
            self._lenders.update(_find_lenders(fresh, blocks, storages.own))

    def lost(self, storages: StorageSerials) -> frozenset[int]:
        """Return those of the known borrowers whose lender has been freed."""
        lent = [(one, lender) for one, lender in self._lenders.items() if lender is not None]
        alive = storages.references() if lent else {}
        return frozenset(one for one, lender in lent if lender not in alive)


def _find_lenders(fresh: Iterable[int], blocks: Mapping[int, Block], own: set[int]) -> dict[int, int | None]:
    """Return for each borrower the PyTorch-allocated storage that contains its bytes, or None."""
    lending = sorted((blocks[one].start, blocks[one].start + blocks[one].room, one) for one in own & blocks.keys())
    starts = [start for start, _, _ in lending]
    found: dict[int, int | None] = {}
    for one in fresh:
        place = bisect_right(starts, blocks[one].address) - 1
        inside = place >= 0 and blocks[one].address < lending[place][1]
        found[one] = lending[place][2] if inside else None
    return found
