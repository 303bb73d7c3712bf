"""The odd numbers that make a digest depend on the position of each word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ...core.runtime.record import record
from .accelerator_api import send_to

if TYPE_CHECKING:
    from ...core.memory.footprint import Array

ROWS, COLUMNS = 64, 512
"""The shape of a segment, in words of 8 bytes: what one pair of sums digests."""
SEGMENT_BYTES = ROWS * COLUMNS * 8
MAX_SEGMENTS = 1 << 16
"""The segments after which the numbers repeat: 16 GB, beyond which nothing is compared."""

_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""The constants of SplitMix64 (Steele, Lea and Flood, 2014)."""


def odd_numbers(start: int, count: int) -> Array:
    """Return odd 64-bit numbers of SplitMix64, as signed ones."""
    state = (np.arange(start + 1, start + count + 1, dtype=np.uint64)) * np.uint64(_GOLDEN)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(_FIRST)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(_SECOND)
    return ((state ^ (state >> np.uint64(31))) | np.uint64(1)).view(np.int64)


WORDS = odd_numbers(0, ROWS * COLUMNS).reshape(ROWS, COLUMNS)
"""One number for each word of a segment."""
BY_ROW, BY_COLUMN = odd_numbers(1 << 32, ROWS), odd_numbers(1 << 33, COLUMNS)
"""The numbers of the two sums: one for each row, one for each column."""
BY_SEGMENT = odd_numbers(1 << 34, MAX_SEGMENTS)
"""The numbers of the segments."""


@record
class Weights:
    """These numbers in the memory of one device."""

    words: torch.Tensor
    by_row: torch.Tensor
    by_column: torch.Tensor
    by_segment: torch.Tensor

    @classmethod
    def on(cls, device: torch.device) -> Weights:
        """Copy the numbers to a device, which may be at work meanwhile."""
        return cls(
            words=send_to(device, torch.from_numpy(WORDS)),
            by_row=send_to(device, torch.from_numpy(BY_ROW)),
            by_column=send_to(device, torch.from_numpy(BY_COLUMN)),
            by_segment=send_to(device, torch.from_numpy(BY_SEGMENT)),
        )
