"""The digest of many runs of device memory by one launch of a Triton kernel: the very one of `word_digest`.

Triton comes with PyTorch's builds for CUDA. Importing this module imports it, and raises where it is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import triton
import triton.language as tl

from .accelerator_api import made_current, send_to
from .digest_weights import BY_SEGMENT, COLUMNS, SEGMENT_BYTES, Weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.memory.footprint import Array

BLOCK = 1024
"""The number of words that one program digests at once."""
FIELDS = 5
"""A row of the table: the address and size of a segment, its digest's place, its number, and where to copy it to."""


@triton.jit  # type: ignore[untyped-decorator, unused-ignore]
def add_segment(  # type: ignore[no-untyped-def]  # noqa: ANN201, PLR0913, PLR0917
    table, sums, words, by_row, by_column, fields: tl.constexpr, columns: tl.constexpr, block: tl.constexpr  # noqa: ANN001
):  # fmt: skip
    """Add the sums of one segment to those of its run; read whole aligned words only, none beyond the last byte's."""
    entry = table + tl.program_id(0) * fields
    start, size, place = tl.load(entry), tl.load(entry + 1).to(tl.int32), tl.load(entry + 2)
    factor, target = tl.load(entry + 3), tl.load(entry + 4)
    ahead = (start & 7).to(tl.int32)
    shift = (ahead * 8).to(tl.uint64)
    source = (start - ahead).to(tl.pointer_type(tl.uint64))
    copy = target.to(tl.pointer_type(tl.uint64))
    lanes = tl.arange(0, block)
    of_column = tl.load(by_column + lanes % columns)  # a block is whole rows, so that these are the same in each
    first = tl.zeros([block], tl.int64)
    second = tl.zeros([block], tl.int64)
    for at in range(0, size, block * 8):
        word = at // 8 + lanes
        left = size - word * 8
        value = tl.load(source + word, mask=left > 0, other=0) >> shift
        beyond = tl.load(source + word + 1, mask=left > tl.where(ahead > 0, 8 - ahead, size), other=0)
        value = value | tl.where(ahead > 0, beyond << ((64 - shift) & 63), 0)
        missing = tl.where(left < 8, tl.where(left > 0, 8 - left, 8), 0).to(tl.uint64) * 8
        value = tl.where(missing < 64, (value << (missing & 63)) >> (missing & 63), 0)
        tl.store(copy + word, value, mask=left > tl.where(target != 0, 0, size))
        mixed = (value ^ (value >> 29)).to(tl.int64, bitcast=True)
        mixed = mixed * tl.load(words + word, mask=left > 0, other=0)
        first += mixed * tl.load(by_row + word // columns, mask=left > 0, other=0)
        second += mixed * of_column
    tl.atomic_add(sums + 2 * place, tl.sum(first) * factor)
    tl.atomic_add(sums + 2 * place + 1, tl.sum(second) * factor)


def digest_runs(
    runs: Sequence[tuple[int, int]], targets: Sequence[int], weights: Weights, device: torch.device
) -> torch.Tensor:
    """Launch the digests of runs, and return them as a tensor of shape `(runs, 2)`.

    Parameters
    ----------
    runs
        Addresses and sizes in bytes.
    targets
        The address that each run is copied to, filled up with zeros to whole words; 0 for none.
    """
    sums = torch.zeros((len(runs), 2), dtype=torch.int64, device=device)
    table = send_to(device, torch.from_numpy(segment_table(runs, targets)))
    numbers, kernel = (weights.words, weights.by_row, weights.by_column), add_segment[len(table),]
    with made_current(device):
        kernel(table, sums, *numbers, fields=FIELDS, columns=COLUMNS, block=BLOCK)
    return sums


def segment_table(runs: Sequence[tuple[int, int]], targets: Sequence[int]) -> Array:
    """Return a row for each segment; the sums of a run of one segment are not multiplied by its number."""
    several = np.array(runs, np.int64).reshape(-1, 2)
    counts = np.maximum(1, -(-several[:, 1] // SEGMENT_BYTES))
    place = np.repeat(np.arange(len(runs)), counts)
    number = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
    start, size, target = several[place, 0], several[place, 1], np.array(targets, np.int64)[place]
    low = number * SEGMENT_BYTES
    factor = np.where(counts[place] == 1, 1, BY_SEGMENT[number])
    copied = np.where(target == 0, 0, target + low)
    return np.stack([start + low, np.minimum(size - low, SEGMENT_BYTES), place, factor, copied], 1)
