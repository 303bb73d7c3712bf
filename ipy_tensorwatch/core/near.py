"""Find the entries that share a byte with a reading, without asking each of them."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

from .overlap import share_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .path import AccessPath
    from .reading import Reading

    Entry = tuple[AccessPath, Reading]


class Neighbourhood:
    """Entries in the order of their addresses."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._by_object: dict[int, list[Entry]] = {}
        told: list[tuple[int, int, int, Entry]] = []
        for place, entry in enumerate(entries):
            reading = entry[1]
            self._by_object.setdefault(reading.object, []).append(entry)
            if not reading.unknown and reading.data_ptr:
                low = reading.address
                told.append((low, low + reading.high - reading.low, place, entry))
        told.sort(key=lambda one: one[0])
        self._told = told
        self._lows = [low for low, *_ in told]
        self._reach = list(accumulate((high for _, high, *_ in told), max))

    def of(self, reading: Reading) -> list[Entry]:
        """Give the entries that are the same object or share a byte, in the order in which they were given."""
        near = [
            (place, entry)
            for place, entry in self._close_to(reading)
            if entry[1] is reading or share_bytes(reading, entry[1]) is not False
        ]
        known = {id(entry) for _, entry in near}
        same = [entry for entry in self._by_object.get(reading.object, ()) if id(entry) not in known]
        return [*(entry for _, entry in sorted(near, key=lambda one: one[0])), *same]

    def _close_to(self, reading: Reading) -> Iterator[tuple[int, Entry]]:
        """Give the entries whose span meets the reading's."""
        if reading.unknown or not reading.data_ptr:
            return
        start = reading.address
        place = bisect_left(self._lows, start + reading.high - reading.low)
        while place and self._reach[place - 1] > start:
            place -= 1
            _, high, number, entry = self._told[place]
            if high > start and entry[1].device == (reading.device or entry[1].device):
                yield number, entry
