"""Count the elements that differ between two copies of memory, in time linear in bytes, not in elements."""

from __future__ import annotations

import heapq
from itertools import islice
from math import gcd, prod
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..runtime.record import field, mutable, record
from .footprint import as_array, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .footprint import Array

    Index = tuple[int, ...]

PIECE = 1 << 16
"""The number of elements compared at once."""
MAX_STARTS = 1 << 18
"""The maximum number of start places of overlapping elements."""
MAX_COUNT = 1 << 62


@record(kw_only=False)
class Side:
    """One copy of some memory, and the strided layout of its elements.

    Attributes
    ----------
    first
        The offset of the element of index 0, in bytes.
    strides
        In bytes.
    """

    buffer: Any
    first: int
    strides: tuple[int, ...]

    def element(self, index: Index, itemsize: int) -> Array:
        """Return the bytes of one element as a row."""
        place = self.first + sum(map(int.__mul__, index, self.strides))
        return as_array(self.buffer, place, (1, itemsize), (itemsize, 1))


@mutable
class Tally:
    """The elements that differ.

    Attributes
    ----------
    note
        Called with rows of differing bytes, before and after; once for each place in memory.
    differs
        Whether any differ; None if the comparison was cut short before one was found.
    changed
        The number of differing elements; None if counting was cut short.
    first
        The indices of the first differing elements.
    """

    shape: tuple[int, ...]
    itemsize: int
    examples: int
    deadline: float
    note: Callable[[Array, Array], None]
    differs: bool | None = False
    changed: int | None = 0
    first: list[Index] = field(default_factory=list)

    def count(self, old: Side, new: Side) -> None:
        """Compare two copies, whose elements may have different layouts."""
        pairs: list[Index] = [*zip(self.shape, old.strides, new.strides, strict=True)]
        real = [place for place, (size, *strides) in enumerate(pairs) if size > 1 and any(strides)]
        dims = [pairs[place] for place in real]
        overlaid = _Overlaid.of(old, new, dims, self.itemsize)
        if overlaid is not None:
            count, indices = overlaid.count(self.examples, self.note)
        else:
            count, indices = self._go_through(old, new, dims)
        times = prod(size for place, (size, *_) in enumerate(pairs) if place not in real)
        self.changed = None if count is None else count * times
        self.differs = bool(count) if count is not None else self.differs
        self.first = spread_indices(self.shape, real, indices, self.examples)

    def _go_through(self, old: Side, new: Side, dims: list[Index]) -> tuple[int | None, list[Index]]:
        """Compare all elements, piece by piece."""
        merged, shape = _merge(dims), tuple(size for size, *_ in dims)
        a, b = (_lay(side, merged, which, self.itemsize) for which, side in ((1, old), (2, new)))
        flat: list[int] = []
        changed = 0
        for base, piece in pieces(tuple(size for size, *_ in merged)):
            differs = a[piece] != b[piece]
            differs = differs.any(axis=-1) if a.ndim > len(merged) else differs
            found = int(np.count_nonzero(differs))
            if found:
                self.note(*(self._rows(one[piece][differs]) for one in (a, b)))
                if changed < self.examples:
                    flat += (base + np.flatnonzero(differs)[: self.examples - changed]).tolist()
                changed += found
            if perf_counter() > self.deadline:
                self.differs = True if changed else None
                return None, []
        return changed, [tuple(map(int, np.unravel_index(one, shape))) if shape else () for one in flat]

    def _rows(self, elements: Array) -> Array:
        return np.ascontiguousarray(elements).view(np.uint8).reshape(-1, self.itemsize)


def spread_indices(shape: Index, real: Sequence[int], indices: list[Index], count: int) -> list[Index]:
    """Return the first indices of elements at some places; strides of 0 put many at one place.

    Parameters
    ----------
    shape
        The shape of all elements.
    real, indices
        The dimensions without stride 0, and the index of each place in these dimensions, in order.
    """
    return [*islice(heapq.merge(*(_spread(shape, real, one) for one in indices)), count)]


def _spread(shape: Index, real: Sequence[int], reduced: Index) -> Iterator[Index]:
    known = dict(zip(real, reduced, strict=True))
    ranges = [(known[place],) if place in known else range(size) for place, size in enumerate(shape)]
    return _in_order(ranges)


def _in_order(ranges: Sequence[Sequence[int]]) -> Iterator[Index]:
    """Yield the product of ranges lazily: they may be long."""
    if not ranges:
        yield ()
        return
    for one in ranges[0]:
        for rest in _in_order(ranges[1:]):
            yield (one, *rest)


def _merge(dims: list[Index]) -> list[Index]:
    """Merge neighbouring dimensions that are contiguous in both copies."""
    merged: list[Index] = []
    for size, old, new in dims:
        if merged and merged[-1][1] == size * old and merged[-1][2] == size * new:
            merged[-1] = merged[-1][0] * size, old, new
        else:
            merged.append((size, old, new))
    return merged


def _lay(side: Side, dims: list[Index], which: int, itemsize: int) -> Array:
    """View elements over a copy, as numbers or rows of the widest possible numbers, which compare fastest."""
    size = next(size for size in (8, 4, 2, 1) if itemsize % size == 0)
    row, step = ((), ()) if size == itemsize else ((itemsize // size,), (size,))
    shape, strides = (*(one[0] for one in dims), *row), (*(one[which] for one in dims), *step)
    return as_array(side.buffer, side.first, shape, strides, size)


def pieces(shape: tuple[int, ...], base: int = 0, taken: tuple[Any, ...] = ()) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Split a shape into pieces, in order, each with the number of elements before it."""
    if prod(shape) <= PIECE:
        yield base, (*taken, Ellipsis)
        return
    rest = prod(shape[1:])
    if rest > PIECE:
        for place in range(shape[0]):
            yield from pieces(shape[1:], base + place * rest, (*taken, place))
        return
    step = PIECE // rest
    for place in range(0, shape[0], step):
        yield base + place * rest, (*taken, slice(place, place + step))


@record(kw_only=False)
class _Overlaid:
    """Overlapping elements: more of them than start places.

    Attributes
    ----------
    dims
        (size, stride) pairs, strides in units of `step` bytes.
    first
        The place of index 0, in the same units.
    differs
        For each place, lowest first, whether an element there differs.
    """

    old: Side
    new: Side
    dims: list[tuple[int, int]]
    step: int
    first: int
    itemsize: int
    differs: Array

    @classmethod
    def of(cls, old: Side, new: Side, dims: list[Index], itemsize: int) -> _Overlaid | None:
        """Return the overlapping view of two copies; None if it does not pay or is not allowed."""
        if not dims or any(a != b for _, a, b in dims):
            return None
        step = gcd(*(stride for _, stride, _ in dims))
        scaled = [(size, stride // step) for size, stride, _ in dims]
        places = sum((size - 1) * abs(stride) for size, stride in scaled) + 1
        count = prod(size for size, _ in scaled)
        if not 2 * places < count < MAX_COUNT or places > MAX_STARTS:
            return None
        first = sum((size - 1) * -stride for size, stride in scaled if stride < 0)
        width = (places - 1) * step + itemsize
        if width > MAX_STARTS * max(8, itemsize):
            return None
        low = first * step
        a, b = (as_array(one.buffer, one.first - low, (width,), (1,)) for one in (old, new))
        before = np.concatenate(([0], np.cumsum(a != b, dtype=np.int32)))
        starts = np.arange(places) * step
        return cls(old, new, scaled, step, first, itemsize, before[starts + itemsize] != before[starts])

    def count(self, examples: int, note: Callable[[Array, Array], None]) -> tuple[int | None, list[Index]]:
        """Count the differing elements, and return the indices of the first."""
        numbers = [self.differs.astype(np.int64)]
        for size, stride in reversed(self.dims):
            numbers.append(_sum_along(numbers[-1], size, stride))
        numbers.reverse()
        changed = int(numbers[0][self.first])
        if changed:
            note(*self._rows())
        return changed, [*islice(self._indices(numbers[1:], self.first, self.dims), examples)]

    def _rows(self) -> Iterator[Array]:
        """Yield the elements that differ, before and after."""
        reached = np.zeros(len(self.differs), np.bool_)
        reached[0] = True  # from the lowest place on, whichever index lies there
        for size, stride in self.dims:
            spread(reached, abs(stride), size)
        places = np.flatnonzero(reached & self.differs)
        for side in (self.old, self.new):
            low, shape = side.first - self.first * self.step, (len(self.differs), self.itemsize)
            yield as_array(side.buffer, low, shape, (self.step, 1))[places]

    def _indices(self, numbers: list[Array], place: int, dims: list[tuple[int, int]]) -> Iterator[Index]:
        if not dims:
            yield ()
            return
        (size, stride), rest = dims[0], dims[1:]
        places = place + np.arange(size) * stride
        for one in np.flatnonzero(numbers[0][places]).tolist():
            for more in self._indices(numbers[1:], place + one * stride, rest):
                yield (one, *more)


def _sum_along(numbers: Array, size: int, stride: int) -> Array:
    """Add to each number the next `size - 1` numbers at `stride`; missing ones are 0."""
    if stride < 0:
        return _sum_along(numbers[::-1], size, -stride)[::-1]
    rows = -(-len(numbers) // stride)
    padded = np.zeros((min(2 * rows, rows + size), stride), np.int64)
    padded.reshape(-1)[: len(numbers)] = numbers
    behind = padded[::-1].cumsum(axis=0)[::-1]
    total = behind[:rows].copy()
    beyond = behind[size : size + rows]
    total[: len(beyond)] -= beyond
    summed: Array = total.reshape(-1)[: len(numbers)]
    return summed
