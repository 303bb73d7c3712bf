"""The bytes that a tensor's elements cover, each once, however many elements overlap."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ..runtime.record import record
from .strided_layout import are_nested, levels_of, width_of

if TYPE_CHECKING:
    from ..records.reading import Reading
    from .strided_layout import Levels

    Array = np.ndarray[Any, Any]

MAX_WIDTH = 1 << 22
"""The widest span, in bytes, marked byte by byte if stripes cross each other."""
MAX_RUNS = 1 << 18
"""The maximum number of separate runs of bytes that are read or written."""


@record(kw_only=False)
class Footprint:
    """Bytes in address order; two layouts that cover the same bytes have the same footprint.

    Attributes
    ----------
    levels
        (stride, size) progressions, finest first, whose sums are the offsets of the bytes.
    """

    levels: Levels

    @property
    def is_solid(self) -> bool:
        """Whether the bytes have no gaps."""
        return len(self.levels) == 1

    @property
    def width(self) -> int:
        """The number of bytes from the first to the last, gaps included."""
        return width_of(self.levels)

    @property
    def nbytes(self) -> int:
        """The number of bytes, gaps excluded."""
        return prod(size for _, size in self.levels) if are_nested(self.levels) else int(self._marked().sum())

    def take(self, buffer: Any, start: int) -> Array:  # noqa: ANN401
        """Copy the bytes out of a buffer; the first one is at `start`."""
        if not are_nested(self.levels):
            return as_array(buffer, start, (self.width,), (1,))[self._marked()]
        shape, strides = tuple(size for _, size in self.levels), tuple(stride for stride, _ in self.levels)
        return np.ascontiguousarray(as_array(buffer, start, shape[::-1], strides[::-1])).reshape(-1)

    def runs(self) -> Array | None:
        """Return the bytes as runs, rows of (offset, length); None if there are too many."""
        if not are_nested(self.levels):
            edges = np.flatnonzero(np.diff(self._marked(), prepend=False, append=False))
            return np.stack((edges[::2], edges[1::2] - edges[::2]), axis=1)
        if prod(size for _, size in self.levels[1:]) > MAX_RUNS:
            return None
        offsets = np.zeros(1, np.int64)
        for stride, size in self.levels[1:]:
            offsets = np.add.outer(np.arange(size) * stride, offsets).reshape(-1)
        return np.stack((offsets, np.full_like(offsets, self.levels[0][1])), axis=1)

    def _marked(self) -> Array:
        """Return a mask over the span, one entry a byte."""
        marked = np.zeros(self.width, np.bool_)
        marked[0] = True
        for stride, size in self.levels:
            spread(marked, stride, size)
        return marked


def footprint_of(reading: Reading) -> Footprint | None:
    """Return the bytes that a reading's elements cover, relative to the lowest; None if that takes too long.

    Examples
    --------
    >>> from ipy_tensorwatch.core.records.reading import Reading
    >>> column = Reading("tensor", 1, itemsize=4, shape=(2, 1000), strides=(12, 0), high=16)
    >>> footprint_of(column).runs().tolist()
    [[0, 4], [12, 4]]
    """
    if not reading.nbytes:
        return None
    levels = levels_of(reading)
    return Footprint(levels) if are_nested(levels) or width_of(levels) <= MAX_WIDTH else None


def as_array(buffer: Any, start: int, shape: tuple[int, ...], strides: tuple[int, ...], size: int = 1) -> Array:  # noqa: ANN401
    """View integers of some size over a buffer."""
    laid_out: Array = np.ndarray(shape, np.dtype(f"u{size}"), buffer, start, strides)
    return laid_out


def spread(marked: Array, stride: int, size: int) -> None:
    """Mark, in place, the next `size - 1` strides after each marked byte."""
    done = 1
    while done < size:
        step = min(done, size - done)
        marked[step * stride :] |= marked[: len(marked) - step * stride].copy()
        done += step
