"""A copy of a small storage, kept in the memory of its own device beside many others."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from ...core.runtime.grouped import grouped
from ..runtime.torch_private import undisturbed
from .accelerator_api import free_bytes, is_untouchable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...core.records.reading import Reading

LARGEST = 1 << 16
"""Storages up to this size, in bytes, keep a copy on their device, so that changed elements can be counted."""
SHARE = 64
"""All copies together take at most one in so many of a device's free bytes."""
MOST = 2
"""If more than one in so many copies made together is wanted, all are kept."""
LEAST = 1 << 28
"""With fewer free bytes, no copy is kept."""


class KeptCopy(NamedTuple):
    """One row of the copies that were made together.

    Attributes
    ----------
    rows
        int64, one row for each storage, filled up with zeros.
    """

    rows: torch.Tensor
    row: int

    @property
    def words(self) -> torch.Tensor:
        """The words of this storage alone."""
        return self.rows[self.row]


def room_for_copies(device: torch.device) -> int:
    """Return how many bytes the copies of storages may take on a device now."""
    free = free_bytes(device)
    return free // SHARE if free >= LEAST else 0


def without_others(copies: Mapping[int, KeptCopy]) -> Iterator[tuple[int, KeptCopy]]:
    """Yield copies, by storage, in memory of their own where most of those that were made with them are not wanted."""
    for several in grouped(copies, lambda storage: id(copies[storage].rows)).values():
        rows = copies[several[0]].rows
        if MOST * len(several) > len(rows) or is_untouchable(rows.device):
            continue
        with undisturbed(), torch.no_grad():
            alone = torch.stack([copies[one].words for one in several])
        for row, storage in enumerate(several):
            yield storage, KeptCopy(alone, row)


def lay_out_rows(rows: torch.Tensor, reading: Reading, low: int, dtype: torch.dtype) -> torch.Tensor | None:
    """View the elements of a reading in each of some rows; None if they do not lie in them.

    Parameters
    ----------
    rows
        Copies of whole storages.
    low
        Where the first element lies in its storage, in bytes.
    """
    size = dtype.itemsize
    room = rows.shape[1] * rows.itemsize
    steps = [stride // size for stride in reading.strides]
    end = low + sum(stride * (count - 1) for stride, count in zip(reading.strides, reading.shape, strict=True)) + size
    if low < 0 or low % size or room % size or end > room or any(stride % size for stride in reading.strides):
        return None
    empty = torch.empty(0, dtype=dtype, device=rows.device)
    start = rows.storage_offset() * rows.itemsize + low
    shape = [len(rows), *reading.shape]
    return empty.set_(rows.untyped_storage(), start // size, shape, [room // size, *steps])
