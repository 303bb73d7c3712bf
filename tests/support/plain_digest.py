"""The digest of device memory as its definition reads, in NumPy and whole: what all others are compared with."""

from __future__ import annotations

import numpy as np

from ipy_tensorwatch.capture.device.digest_weights import (
    BY_COLUMN,
    BY_ROW,
    COLUMNS,
    ROWS,
    SEGMENT_BYTES,
    WORDS,
    odd_numbers,
)


def plain_digest(data: bytes) -> bytes:
    """Return the 16 bytes of a digest."""
    segments = max(1, -(-len(data) // SEGMENT_BYTES))
    filled = np.zeros(segments * SEGMENT_BYTES, np.uint8)
    filled[: len(data)] = np.frombuffer(data, np.uint8)
    words = filled.view("<u8").reshape(segments, ROWS, COLUMNS)
    products = (words ^ (words >> np.uint64(29))) * WORDS.view(np.uint64)
    by_segment = odd_numbers(1 << 34, segments).view(np.uint64) if len(data) > SEGMENT_BYTES else np.uint64(1)
    first = (products.sum(2) * BY_ROW.view(np.uint64)).sum(1)
    second = (products.sum(1) * BY_COLUMN.view(np.uint64)).sum(1)
    return b"".join((one * by_segment).sum().tobytes() for one in (first, second))
