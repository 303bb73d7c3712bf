"""The reading of one tensor or array, before it has a name."""

from __future__ import annotations

import operator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from .reason import Reason

TOO_MANY = "not read: too many"
"""Stands for a `grad_fn` that was not read because there were too many."""
METADATA = ("shape", "strides", "dtype", "device", "requires_grad", "grad_fn", "storage")
"""The fields whose change is reported as `metadata`, in the order of the report."""


class Reading(NamedTuple):
    """One look at a tensor or array; a tuple, because a hundred thousand are made at once.

    Attributes
    ----------
    object, storage
        Serial numbers, never reused; `storage` is 0 if there is no storage.
    strides
        In bytes, so that arrays and tensors compare.
    low, high
        The bytes that the elements span, counted from the start of the storage.
    unknown
        The reason why the memory is not known, or None.
    """

    kind: str
    object: int
    storage: int = 0
    device: str = "unknown"
    dtype: str = "unknown"
    itemsize: int = 0
    shape: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()
    data_ptr: int = 0
    low: int = 0
    high: int = 0
    version: int | None = None
    requires_grad: bool = False
    is_leaf: bool = True
    grad_fn: str | None = None
    unknown: Reason | None = None

    def at_version(self, version: int) -> Reading:
        """Return the reading with another version; three times faster than `_replace`."""
        return tuple.__new__(Reading, (*self[:_VERSION], version, *self[_VERSION + 1 :]))

    @property
    def numel(self) -> int:
        """The number of elements."""
        total = 1
        for size in self.shape:
            total *= size
        return total

    @property
    def collects_gradient(self) -> bool:
        """Whether it is a leaf that requires grad."""
        return self.is_leaf and self.requires_grad

    @property
    def nbytes(self) -> int:
        """The number of bytes that the elements take, each counted once per element."""
        return self.numel * self.itemsize

    @property
    def layout(self) -> tuple[int, tuple[int, ...], tuple[int, ...], int]:
        """Where the elements lie in their storage: low byte, shape, strides (bytes) and item size."""
        return self.low, self.shape, self.strides, self.itemsize

    def is_permuted(self, other: Reading) -> bool:
        """Return whether it has the elements of another one, at most with the dimensions in another order: `w.t()`."""
        mine, others = (sorted(zip(one.shape, one.strides, strict=True)) for one in (self, other))
        return mine == others and (self.low, self.itemsize) == (other.low, other.itemsize)

    @property
    def address(self) -> int:
        """The address of the lowest byte; with negative strides it precedes the first element."""
        if self.unknown or min(self.strides, default=0) >= 0:
            return self.data_ptr
        return self.data_ptr + extent(self.shape, self.strides, self.itemsize)[0]

    @property
    def storage_start(self) -> int:
        """The address of the lowest byte of the storage."""
        return self.address - self.low

    @property
    def end(self) -> int:
        """The address one past the highest byte."""
        return self.address + self.high - self.low

    @property
    def is_dense(self) -> bool:
        """Whether the elements fill their span, each byte once."""
        return self.nbytes == self.high - self.low and 0 not in self.strides


_VERSION = Reading._fields.index("version")


_make_reading: Callable[[tuple[object, ...]], Reading] = partial(tuple.__new__, Reading)
"""Makes a reading without a Python call: a training step makes a thousand."""


def at_versions(readings: Iterable[Reading], versions: Iterable[int]) -> Iterator[Reading]:
    """Return readings with other versions."""
    columns = zip(readings, versions, strict=True)
    return map(_make_reading, [(*one[:_VERSION], version, *one[_VERSION + 1 :]) for one, version in columns])


def moved_to(
    readings: Iterable[Reading], things: Iterable[int], storages: Iterable[int], places: Iterable[tuple[int, int]]
) -> Iterator[Reading]:
    """Return the readings of other objects with the same layouts; a place is an address and a version."""
    columns = zip(readings, things, storages, places, strict=True)
    return map(
        _make_reading,
        [
            (one.kind, thing, storage, *one[3:8], data_ptr, one.low, one.high, version, *one[_VERSION + 1 :])
            for one, thing, storage, (data_ptr, version) in columns
        ],
    )


def bounds(readings: Collection[Reading]) -> tuple[int, int]:
    """Return the smallest address range `[low, high)` that contains all of these."""
    return min(one.address for one in readings), max(one.end for one in readings)


def changed_fields(before: Reading, after: Reading) -> tuple[str, ...]:
    """Return the metadata fields that differ between two readings of one object; a moved storage counts as changed."""
    if _laid_out(before) == _laid_out(after) and before.data_ptr - before.low == after.data_ptr - after.low:
        return ()
    differs = {name: getattr(before, name) != getattr(after, name) for name in METADATA}
    differs["storage"] |= before.storage_start != after.storage_start
    return tuple(name for name in METADATA if differs[name])


_laid_out = operator.attrgetter(*METADATA)


def extent(shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int) -> tuple[int, int]:
    """Return the bytes `[low, high)` that elements span, counted from the first one; strides are in bytes.

    Examples
    --------
    >>> extent((2, 3), (12, 4), 4)
    (0, 24)
    >>> extent((3,), (-8,), 8)
    (-16, 8)
    """
    if 0 in shape:
        return 0, 0
    reach = [(size - 1) * stride for size, stride in zip(shape, strides, strict=True)]
    return sum(r for r in reach if r < 0), sum(r for r in reach if r > 0) + itemsize
