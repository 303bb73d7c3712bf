"""Address intervals of many readings, sorted to find those near one without comparing all."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..reading import Reading


class Intervals:
    """The spans `[low, high)` of readings, by their places; readings of unknown memory are left out."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        # Tensors have no negative strides, so the fields suffice; arrays need the slower properties.
        begins = np.array([one.address if one.kind == "ndarray" else one.data_ptr for one in readings], np.uint64)
        ends = begins + np.array([one.high - one.low for one in readings], np.uint64)
        told = np.flatnonzero([one.unknown is None and one.data_ptr != 0 for one in readings])
        order = told[np.argsort(begins[told], kind="stable")]
        self._places: list[int] = order.tolist()
        self._lows: list[int] = begins[order].tolist()
        self._highs: list[int] = ends[order].tolist()
        self._reach: list[int] = np.maximum.accumulate(ends[order]).tolist()

    def meeting(self, low: int, high: int) -> Iterator[int]:
        """Yield the places of the readings whose span meets `[low, high)`, highest first."""
        index = bisect_left(self._lows, high)
        while index and self._reach[index - 1] > low:
            index -= 1
            if self._highs[index] > low:
                yield self._places[index]
