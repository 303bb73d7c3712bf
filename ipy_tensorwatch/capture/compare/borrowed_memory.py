"""Memory that is lent: whoever borrowed it without holding the lender (DLPack) is left with nothing."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..memory.byte_block import Block
    from ..tensors.serials import StorageSerials


@dataclass(slots=True)
class Loans:
    """Remembers, by serial, in whose storage the memory lies that another storage borrowed.

    Attributes
    ----------
    gone
        The borrowers whose lender was freed.
    """

    gone: frozenset[int] = frozenset()
    _lenders: dict[int, int | None] = field(default_factory=dict)

    def follow(self, blocks: Mapping[int, Block], storages: StorageSerials) -> None:
        """Find whose lender has died since the last look, and the lenders of those not seen before."""
        borrowers = storages.foreign & blocks.keys()
        self._lenders = {one: lender for one, lender in self._lenders.items() if one in borrowers}
        self.gone = self.lost(storages)
        fresh = borrowers - self._lenders.keys()
        if fresh:
            self._lenders.update(_find_lenders(fresh, blocks, storages.own))

    def lost(self, storages: StorageSerials) -> frozenset[int]:
        """Find the borrowers, of those that are known, whose lender has been freed by now."""
        lent = [(one, lender) for one, lender in self._lenders.items() if lender is not None]
        alive = storages.references() if lent else {}
        return frozenset(one for one, lender in lent if lender not in alive)


def _find_lenders(fresh: Iterable[int], blocks: Mapping[int, Block], own: set[int]) -> dict[int, int | None]:
    """Find for each borrower the storage, made by PyTorch itself, in which its bytes begin."""
    lending = sorted((blocks[one].start, blocks[one].start + blocks[one].room, one) for one in own & blocks.keys())
    starts = [start for start, _, _ in lending]
    found: dict[int, int | None] = {}
    for one in fresh:
        place = bisect_right(starts, blocks[one].address) - 1
        inside = place >= 0 and blocks[one].address < lending[place][1]
        found[one] = lending[place][2] if inside else None
    return found
