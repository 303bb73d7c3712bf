"""Which bytes differ between two copies of the same memory, worked out when somebody asks."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    Bytes = bytes | memoryview


class ByteMask:
    """One entry a byte: whether it differs.

    Raises
    ------
    ValueError
        The copies are not of one length.
    """

    def __init__(self, old: Bytes, new: Bytes) -> None:
        if len(old) != len(new):
            raise ValueError(f"{len(old)} and {len(new)} bytes")
        self._old, self._new = old, new

    def __len__(self) -> int:
        """Count the bytes."""
        return len(self._old)

    def __getitem__(self, part: slice) -> np.ndarray[Any, Any]:
        """Give the entries of a part."""
        return self._entries[part]

    def tobytes(self) -> bytes:
        """Give all entries, 1 or 0 each."""
        return self._entries.tobytes()

    @cached_property
    def _entries(self) -> np.ndarray[Any, Any]:
        return np.asarray(np.frombuffer(self._old, np.uint8) != np.frombuffer(self._new, np.uint8))
