"""Which bytes of the memory of some paths a write covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..memory.overlap import lay_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..records.reading import Reading

LARGEST_MASK = 1 << 16
"""The largest number of bytes for which it is told which of them a write changes."""


class WrittenSpan(NamedTuple):
    """The addresses of some paths, and for each storage among them, at which of its bytes they begin."""

    low: int
    high: int
    starts: Mapping[int, int]


def mask_of(reading: Reading, span: WrittenSpan) -> bytes | None:
    """Return which of the bytes of a span a write covers; None if they are too many."""
    low, size = span.low, span.high - span.low
    if not 0 < size <= LARGEST_MASK or reading.unknown:
        return None
    if reading.is_dense and size == reading.high - reading.low:
        return b"\1" * size
    mask, start = np.zeros(size, np.uint8), reading.address - low
    if reading.is_dense:
        mask[start : start + reading.high - reading.low] = 1
    else:
        lay_out(mask, reading, start)[...] = 1
    return mask.tobytes()
