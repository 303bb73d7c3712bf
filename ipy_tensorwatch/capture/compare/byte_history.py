"""The bytes of a storage while a cell ran, at the time a node was made.

The nodes of a thread have increasing sequence numbers, so a number is a time: between the last look at which it
was not assigned yet, and the first at which it was.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from ...core.runtime.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

    from ...core.records.reading import Reading
    from .compare_bytes import StorageMark


class Period(NamedTuple):
    """The bytes of a storage over a period without change, from one look to another."""

    first: int
    last: int
    mark: StorageMark


@record(kw_only=False)
class ByteHistory:
    """The looks at bytes while one cell ran.

    Attributes
    ----------
    numbers
        For each look, the sequence number of the next node; the first look is the start of the cell.
    outside
        The looks outside user functions, in order.
    periods
        Returns the periods without change of a storage, in order; empty for one that did not change.
    seen
        The storages that were looked at.
    now
        Reads one of these storages again.
    places
        Returns where a tensor was before it was given a storage, each with the last look that saw it there.
    """

    numbers: Sequence[int] = ()
    outside: Sequence[int] = ()
    periods: Callable[[int], Sequence[Period]] = lambda _: ()
    seen: AbstractSet[int] = frozenset()
    now: Callable[[int], StorageMark | None] = lambda _: None
    places: Callable[[int, int], Sequence[tuple[Reading, int]]] = lambda _, __: ()

    def earlier_reading(self, tensor: int, storage: int, number: int) -> Reading | None:
        """Return where a tensor was when a node was made; None if it has been given no other memory since."""
        return next((one for one, look in self.places(tensor, storage) if number < self.numbers[look]), None)

    def marks(self, storage: int, number: int, *, late: bool) -> tuple[Sequence[StorageMark], bool]:
        """Return all that a storage may have held when a node saved it, and whether its present bytes are among them.

        Parameters
        ----------
        number
            The sequence number of the node.
        late
            Whether the node saves at the end of a custom function, long after its number was assigned.
        """
        periods = self.periods(storage)
        if not periods:
            return (), True
        before, after = self._around(number, late=late)
        low = max((place for place, one in enumerate(periods) if one.first <= before), default=0)
        high = next((place + 1 for place, one in enumerate(periods) if one.last >= after), None)
        return [one.mark for one in periods[low:high]], high is None

    def held(self, storage: int) -> list[StorageMark]:
        """Return all that a storage was seen to hold."""
        return [one.mark for one in self.periods(storage)]

    def _around(self, number: int, *, late: bool) -> tuple[int, int]:
        """Return the looks around the saving; around the whole cell for a node of another cell or thread."""
        looks = self.outside if late else range(len(self.numbers))
        place = bisect_right(looks, number, key=self.numbers.__getitem__)
        if place == 0:
            return 0, sys.maxsize
        return looks[place - 1], looks[place] if place < len(looks) else sys.maxsize


NO_PAST = ByteHistory()
