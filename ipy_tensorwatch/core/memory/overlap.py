"""Whether two sets of elements share a byte: exact, by address arithmetic, without reading memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .address_space import in_one_space
from .footprint import footprint_of

if TYPE_CHECKING:
    from ..records.reading import Reading
    from ..records.report_parts import Relation

MAX_WORK = 10**6

_search: Any = np.shares_memory  # its type stubs are too narrow
_TooHardError: type[Exception] = getattr(np, "exceptions", np).TooHardError  # it moved in NumPy 1.25


def relate(a: Reading, b: Reading) -> Relation:
    """Return how the memory of two readings relates."""
    if a.object == b.object:
        return "same-object"
    if a.unknown or b.unknown:
        return "unknown"
    if not in_one_space(a, b):
        return "disjoint"
    if (a.data_ptr, a.shape, a.strides, a.itemsize) == (b.data_ptr, b.shape, b.strides, b.itemsize):
        return "same-elements" if a.numel else "disjoint"
    shared = share_bytes(a, b)
    if shared is None:
        return "unknown"
    if not shared:
        return "disjoint"
    return "same-elements" if _cover_the_same(a, b) else "overlap"


def share_bytes(a: Reading, b: Reading) -> bool | None:
    """Return whether two readings share a byte; None if the exact search would take too long."""
    if not (a.numel and b.numel) or a.address >= b.end or b.address >= a.end or not in_one_space(a, b):
        return False
    if a.is_dense and b.is_dense:
        return True
    try:
        return bool(_search(_address_array(a), _address_array(b), max_work=MAX_WORK))
    except _TooHardError:
        return None


def overlaps_itself(reading: Reading) -> bool | None:
    """Return whether a reading's elements overlap, as with `expand` and `unfold`; None if not known.

    Examples
    --------
    >>> from ipy_tensorwatch.core.records.reading import Reading
    >>> overlaps_itself(Reading("tensor", 1, shape=(3,), strides=(0,), itemsize=4, high=4))
    True
    """
    if reading.unknown or reading.is_dense or not reading.numel:
        return None if reading.unknown else False
    reach = reading.itemsize
    for stride, size in sorted((abs(a), b) for a, b in zip(reading.strides, reading.shape, strict=True) if b > 1):
        if stride < reach:
            return _repeats(reading)
        reach += stride * (size - 1)
    return False


def _repeats(reading: Reading) -> bool | None:
    """Count the addresses, if sizes and strides do not decide."""
    if reading.numel * reading.itemsize > reading.high - reading.low:
        return True
    footprint = footprint_of(reading)
    return None if footprint is None else footprint.nbytes < reading.nbytes


def lay_out(buffer: Any, reading: Reading, start: int) -> np.ndarray[Any, np.dtype[np.uint8]]:  # noqa: ANN401
    """View a buffer as a reading's elements, each one a row of `itemsize` bytes.

    Parameters
    ----------
    buffer
        Any buffer that NumPy accepts: bytes, a ctypes array, an array.
    start
        The offset in it of the reading's span.
    """
    shape, strides = (*reading.shape, reading.itemsize), (*reading.strides, 1)
    if not reading.numel:
        return np.empty(shape, np.uint8)
    first = start + reading.data_ptr - reading.address
    laid_out: np.ndarray[Any, np.dtype[np.uint8]] = np.ndarray(shape, np.uint8, buffer, first, strides)
    return laid_out


def _cover_the_same(a: Reading, b: Reading) -> bool:
    return a.address == b.address and _canonical(a) == _canonical(b)


def _canonical(reading: Reading) -> list[tuple[int, int]]:
    """Return a layout as (stride, size), innermost first, so that equal sets of bytes compare equal."""
    dims = sorted((abs(stride), size) for size, stride in zip(reading.shape, reading.strides, strict=True))
    merged = [(1, reading.itemsize)]
    for stride, size in dims:
        inner_stride, inner_size = merged[-1]
        if size == 1 or stride == 0:
            continue
        if stride == inner_stride * inner_size:
            merged[-1] = (inner_stride, inner_size * size)
        else:
            merged.append((stride, size))
    return merged


def _address_array(reading: Reading) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Make an array of single bytes at the elements' addresses; its memory is never read."""
    dims = [(size, stride) for size, stride in zip(reading.shape, reading.strides, strict=True) if size > 1 and stride]
    shape, strides = tuple(size for size, _ in dims), tuple(stride for _, stride in dims)
    base = _Addresses(reading.data_ptr, (*shape, reading.itemsize), (*strides, 1))
    return np.asarray(base)


class _Addresses:
    """The array interface over raw addresses."""

    def __init__(self, address: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.__array_interface__ = {
            "version": 3,
            "typestr": "|u1",
            "data": (address, True),
            "shape": shape,
            "strides": strides,
        }
