"""Count changed elements of a small contiguous tensor, the most frequent kind."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ...core.records.report_parts import Elements, Example
from ..memory.numbers import largest_step, numbers, plain_number

if TYPE_CHECKING:
    from ...core.memory.count_differences import Side
    from ...core.memory.footprint import Array
    from ...core.records.reading import Reading


MAX_ELEMENTS = 1 << 16
_WHOLE = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}
"""Elements of these sizes are compared as integers, which is much faster than byte by byte."""


def count_dense(
    reading: Reading, sides: tuple[Side, Side], examples: int
) -> tuple[bool | None, Elements | None] | None:
    """Count the elements that differ; None if either side is not contiguous, or is large."""
    whole = _WHOLE.get(reading.itemsize)
    if (
        whole is None
        or reading.numel > MAX_ELEMENTS
        or not is_row_major(reading.shape, reading.strides, whole.itemsize)
    ):
        return None
    if any(side.strides != reading.strides for side in sides):
        return None
    old, new = (np.frombuffer(side.buffer, whole, reading.numel, side.first) for side in sides)
    where = np.flatnonzero(old != new)
    if not len(where):
        return False, None
    return True, Elements(
        changed=len(where),
        total=reading.numel,
        max_abs=largest_step(_rows(old[where]), _rows(new[where]), reading.dtype),
        examples=_examples(reading, old, new, where[:examples]),
    )


@lru_cache(maxsize=1 << 12)
def is_row_major(shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> bool:
    """Return whether elements are contiguous in row-major order; strides are in bytes."""
    step = itemsize
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if stride != step:
            return False
        step *= size
    return True


def _rows(elements: Array) -> Array:
    return elements.view(np.uint8).reshape(-1, elements.itemsize)


def _examples(reading: Reading, old: Array, new: Array, where: Array) -> tuple[Example, ...]:
    before, after = (numbers(_rows(one[where]), reading.dtype) for one in (old, new))
    if before is None or after is None:
        return ()
    return tuple(
        Example(index=_index(flat, reading.shape), before=plain_number(a), after=plain_number(b))
        for flat, a, b in zip(where.tolist(), before, after, strict=True)
    )


def _index(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    place = []
    for size in reversed(shape):
        flat, index = divmod(flat, size)
        place.append(index)
    return tuple(reversed(place))
