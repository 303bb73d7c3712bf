"""Find the entries that share a byte with a reading, without asking each of them."""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from .overlap import share_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..model.reading import Reading

_Owner = TypeVar("_Owner")


class Neighbourhood(Generic[_Owner]):
    """Readings, each with its owner, in the order of their addresses."""

    def __init__(self, entries: Iterable[tuple[_Owner, Reading]]) -> None:
        self._entries = list(entries)
        readings = [reading for _, reading in self._entries]
        # Of tensors, no stride is below zero: what has to be worked out for arrays stands in the reading.
        begins = np.array([one.address if one.kind == "ndarray" else one.data_ptr for one in readings], np.uint64)
        ends = begins + np.array([one.high - one.low for one in readings], np.uint64)
        told = np.flatnonzero([one.unknown is None and one.data_ptr != 0 for one in readings])
        order = told[np.argsort(begins[told], kind="stable")]
        self._places: list[int] = order.tolist()
        self._lows: list[int] = begins[order].tolist()
        self._highs: list[int] = ends[order].tolist()
        self._reach: list[int] = np.maximum.accumulate(ends[order]).tolist()

    @cached_property
    def _by_object(self) -> dict[int, list[tuple[_Owner, Reading]]]:
        found: dict[int, list[tuple[_Owner, Reading]]] = {}
        for entry in self._entries:
            found.setdefault(entry[1].object, []).append(entry)
        return found

    def of(self, reading: Reading) -> list[tuple[_Owner, Reading]]:
        """Give the entries that are the same object or share a byte, in the order in which they were given."""
        near = [
            (place, entry)
            for place, entry in self._close_to(reading)
            if entry[1] is reading or share_bytes(reading, entry[1]) is not False
        ]
        known = {id(entry) for _, entry in near}
        same = [entry for entry in self._by_object.get(reading.object, ()) if id(entry) not in known]
        return [*(entry for _, entry in sorted(near, key=lambda one: one[0])), *same]

    def _close_to(self, reading: Reading) -> Iterator[tuple[int, tuple[_Owner, Reading]]]:
        """Give the entries whose span meets the reading's."""
        if reading.unknown or not reading.data_ptr:
            return
        start = reading.address
        index = bisect_left(self._lows, start + reading.high - reading.low)
        while index and self._reach[index - 1] > start:
            index -= 1
            entry = self._entries[self._places[index]]
            if self._highs[index] > start and entry[1].device == (reading.device or entry[1].device):
                yield self._places[index], entry
