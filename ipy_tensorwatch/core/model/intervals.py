"""The addresses of many readings in order, so that those near one are found without asking each."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .reading import Reading


class Intervals:
    """The spans `[low, high)` of readings, by their places; of those whose memory cannot be told, none."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        # Of tensors, no stride is below zero: what has to be worked out for arrays stands in the reading.
        begins = np.array([one.address if one.kind == "ndarray" else one.data_ptr for one in readings], np.uint64)
        ends = begins + np.array([one.high - one.low for one in readings], np.uint64)
        told = np.flatnonzero([one.unknown is None and one.data_ptr != 0 for one in readings])
        order = told[np.argsort(begins[told], kind="stable")]
        self._places: list[int] = order.tolist()
        self._lows: list[int] = begins[order].tolist()
        self._highs: list[int] = ends[order].tolist()
        self._reach: list[int] = np.maximum.accumulate(ends[order]).tolist()

    def meeting(self, low: int, high: int) -> Iterator[int]:
        """Yield the places of the readings whose span meets `[low, high)`, the highest first."""
        index = bisect_left(self._lows, high)
        while index and self._reach[index - 1] > low:
            index -= 1
            if self._highs[index] > low:
                yield self._places[index]
