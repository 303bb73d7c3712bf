"""Whether an elementwise operation reads elements that it has already overwritten, by address arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .view_layouts import ViewLayout

    Addresses = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

MAX_ELEMENTS = 1 << 20
"""The maximum number of elements that are compared; of more, the first ones are."""


def reads_overwritten(written: ViewLayout, read: ViewLayout, *, in_order: bool = True) -> bool:
    """Return whether an elementwise operation would read an element after it has overwritten it.

    Parameters
    ----------
    written, read
        Layouts of one shape, with elements of one size; offsets count from the same address, in bytes.
    in_order
        Whether the elements are computed one after the other, as they lie in memory. Otherwise in any order, as on a
        device: then it may read any other element that it writes.

    Examples
    --------
    >>> from ipy_tensorwatch.core.memory.view_layouts import ViewLayout
    >>> first_column = ViewLayout((2, 3), (12, 0))
    >>> reads_overwritten(ViewLayout((2, 3), (12, 4)), first_column)
    True
    """
    order = sorted(range(len(written.shape)), key=lambda dim: -abs(written.strides[dim]))
    shape = _cut([written.shape[dim] for dim in order])
    if 0 in shape:
        return False
    writes, reads = (
        _addresses(shape, [one.strides[dim] for dim in order], one.offset).ravel() for one in (written, read)
    )
    places, turns = np.unique(writes, return_index=True)
    found = np.minimum(np.searchsorted(places, reads), len(places) - 1)
    turn = np.arange(len(reads))
    is_earlier = turns[found] < turn if in_order else turns[found] != turn
    return bool((is_earlier & (places[found] == reads)).any())


def _cut(shape: list[int]) -> list[int]:
    """Return a shape of few enough elements, with as much of the inner dimensions as possible."""
    room = MAX_ELEMENTS
    cut = list[int]()
    for size in reversed(shape):
        cut.insert(0, min(size, max(room, 1)))
        room //= max(size, 1)
    return cut


def _addresses(shape: list[int], strides: list[int], offset: int) -> Addresses:
    found = np.full(shape, offset, np.int64)
    for dim, (size, stride) in enumerate(zip(shape, strides, strict=True)):
        steps = np.arange(size, dtype=np.int64) * stride
        found += steps.reshape(-1, *(1,) * (len(shape) - dim - 1))
    return found
