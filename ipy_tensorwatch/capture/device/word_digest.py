"""A digest of 128 bits that depends on every bit and its position, by PyTorch's own operators.

Bytes are read as little-endian words `v` of 64 bits in segments of 64 x 512 words, the last word filled with zeros.
With odd numbers `w`, `a`, `b` and `m` that look random, the two sums, modulo 2**64, are

    p[r, c] = (v[r, c] ^ v[r, c] >> 29) * w[r, c]
    first   = sum over segments m * sum over rows    a[r] * sum over columns p[r, c]
    second  = sum over segments m * sum over columns b[c] * sum over rows    p[r, c]

The shift brings a word's high bits down: without it a change of the highest bit of two words would cancel, whatever the
numbers. Words of zeros add nothing, so that a segment may be cut short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from .digest_weights import COLUMNS, ROWS, SEGMENT_BYTES, Weights

if TYPE_CHECKING:
    from collections.abc import Sequence


SHIFT = 29
_MASK = (1 << (64 - SHIFT)) - 1
"""The bits that are left after a shift of an unsigned word; PyTorch's is of a signed one."""
AT_ONCE = 1 << 22
"""The number of bytes digested at once, on a device with fast memory: digests take at most four times as much of it."""
LONGEST = 16 * AT_ONCE
"""The number of bytes whose columns are added up at once: their sums take a sixty-fourth of it."""

CACHED_BYTES = 1 << 20
"""The number of bytes digested at once on a CPU, where passes over more would read memory again and again."""


def digest_rows(words: torch.Tensor, weights: Weights) -> torch.Tensor:
    """Return the two sums of each segment, as a tensor of shape `(segments, 2)`.

    Parameters
    ----------
    words
        int64, of shape `(segments, rows, columns)`.
    """
    count, rows, columns = words.shape
    at_once = max(1, (CACHED_BYTES if words.device.type == "cpu" else AT_ONCE) // (8 * rows * columns))
    scratch = words.new_empty((min(at_once, count), rows, columns))
    first, second = words.new_empty((count, rows)), words.new_empty((count, columns))
    odd = weights.words[:rows, :columns]
    for part, by_row, by_column in zip(*(one.split(at_once) for one in (words, first, second)), strict=True):
        mixed = torch.bitwise_right_shift(part, SHIFT, out=scratch[: len(part)])
        mixed.bitwise_and_(_MASK).bitwise_xor_(part).mul_(odd)
        torch.sum(mixed, 2, out=by_row)
        torch.sum(mixed, 1, out=by_column)
    sums = first.mul_(weights.by_row[:rows]).sum(1), second.mul_(weights.by_column[:columns]).sum(1)
    return torch.stack(sums, 1)


def digest_run(run: torch.Tensor, weights: Weights) -> torch.Tensor:
    """Return the two sums of a long run of bytes, as a tensor of shape `(1, 2)`.

    Parameters
    ----------
    run
        Of one dimension; not copied if it begins at a multiple of 8 bytes.
    """
    whole = run.numel() // SEGMENT_BYTES * SEGMENT_BYTES
    is_aligned = not (run.storage_offset() % 8 or run.data_ptr() % 8)
    parts = run[:whole].split(LONGEST if is_aligned else AT_ONCE)
    found = [digest_rows((part if is_aligned else part.clone()).view(torch.int64).view(-1, ROWS, COLUMNS), weights)
             for part in parts]  # fmt: skip
    if run.numel() > whole:
        found.append(digest_short([run[whole:]], SEGMENT_BYTES, weights))
    return total(found, weights)


def total(segments: list[torch.Tensor], weights: Weights) -> torch.Tensor:
    """Add up the sums of consecutive segments, each times its number."""
    sums = torch.cat(segments)
    return sums.mul_(weights.by_segment[: len(sums), None]).sum(0, keepdim=True)


def digest_short(pieces: Sequence[torch.Tensor], room: int, weights: Weights) -> torch.Tensor:
    """Return the two sums of pieces of at most one segment, as a tensor of shape `(pieces, 2)`."""
    return digest_packed(pack(pieces, room), weights)


def digest_packed(rows: torch.Tensor, weights: Weights) -> torch.Tensor:
    """Return the two sums of each row of packed pieces."""
    return digest_rows(rows.view(len(rows), -1, min(rows.shape[1], COLUMNS)), weights)


def pack(pieces: Sequence[torch.Tensor], room: int) -> torch.Tensor:
    """Copy pieces of bytes beside each other, as int64 of shape `(pieces, room / 8)`.

    Parameters
    ----------
    room
        The size, a power of two of words, to which all are filled up with zeros.
    """
    zeros = pieces[0].new_zeros(room)
    filled = [part for piece in pieces for part in (piece, zeros[piece.numel() :])]
    return torch.cat(filled).view(torch.int64).view(len(pieces), -1)


def room_of(nbytes: int) -> int:
    """Return the room for a piece of at most one segment: the next power of two of words, in bytes."""
    return 8 << max(0, (nbytes + 7) // 8 - 1).bit_length()
