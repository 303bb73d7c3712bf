"""What the bytes of a storage were while a cell ran, at the time when a node of a graph was made.

The nodes of a thread are numbered as they are made. So a number stands for a time: between the last look at which it
was still to be given, and the first at which it was taken.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from .fingerprints import StorageMark


class Spell(NamedTuple):
    """The bytes of a storage, for as long as they stayed the same: from one look to another."""

    first: int
    last: int
    mark: StorageMark


@dataclass(frozen=True, slots=True)
class ByteHistory:
    """The looks at bytes while one cell ran.

    Attributes
    ----------
    numbers
        For each look the number that the next node was going to have; the first look is the start of the cell.
    outside
        The looks while no function of the user's was half-way, in order.
    spells
        Gives what was seen of a storage, in order; nothing of one that did not change.
    seen
        The storages that were looked at.
    now
        Looks at one of these once more.
    """

    numbers: Sequence[int] = ()
    outside: Sequence[int] = ()
    spells: Callable[[int], Sequence[Spell]] = lambda _: ()
    seen: AbstractSet[int] = frozenset()
    now: Callable[[int], StorageMark | None] = lambda _: None

    def marks(self, storage: int, number: int, *, late: bool) -> tuple[Sequence[StorageMark], bool]:
        """Return all that a storage may have held when a node saved it, and whether that may be what it holds now.

        Parameters
        ----------
        number
            The number of the node.
        late
            Whether the node saves at the end of a function of the user's, long after it was given its number.
        """
        spells = self.spells(storage)
        if not spells:
            return (), True
        before, after = self._around(number, late=late)
        low = max((place for place, one in enumerate(spells) if one.first <= before), default=0)
        high = next((place + 1 for place, one in enumerate(spells) if one.last >= after), None)
        return [one.mark for one in spells[low:high]], high is None

    def held(self, storage: int) -> list[StorageMark]:
        """Return all that a storage was seen to hold."""
        return [one.mark for one in self.spells(storage)]

    def _around(self, number: int, *, late: bool) -> tuple[int, int]:
        """Return the looks around the saving; around the whole cell for a node of another cell, or of another thread."""
        looks = self.outside if late else range(len(self.numbers))
        place = bisect_right(looks, number, key=self.numbers.__getitem__)
        if place == 0:
            return 0, sys.maxsize
        return looks[place - 1], looks[place] if place < len(looks) else sys.maxsize


NO_PAST = ByteHistory()
