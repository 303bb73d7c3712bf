"""Ignore writes that leave a mask unchanged: a node saved the tensor only to compare it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..memory.numbers import numbers
from .tracked_tensor import TrackedTensor, digest_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np

    from ..compare.compare_bytes import StorageMark
    from .known_bytes import KnownBytes

_COMPARED = ("torch.float32", "torch.float64")
"""Dtypes for which NumPy compares with a bound exactly as PyTorch does."""


def ignore_masked_writes(kept: Sequence[TrackedTensor], known_bytes: KnownBytes) -> None:
    """Accept a node's overwritten tensors if together they give the same mask.

    Tensors that are compared with each other are accepted together: one may be restored while another
    has changed, so only their present values count from here on.
    """
    mask = next((one.mask for one in kept if one.differs and one.mask is not None), None)
    if mask is None:
        return
    parts = [one for name in mask.arguments for one in kept if one.saved.argument == name]
    then = [_then(one, known_bytes) for one in parts]
    now = [_numbers(one, known_bytes.mark_of(one.saved.reading.storage)) for one in parts]
    known = [(a, b) for a, b in zip(then, now, strict=True) if a is not None and b is not None]
    if len(known) == len(mask.arguments) and mask.is_same([a for a, _ in known], [b for _, b in known]):
        for one in parts:
            one.accept(known_bytes.digest_of(one.saved.reading))


def _then(one: TrackedTensor, known_bytes: KnownBytes) -> np.ndarray[Any, Any] | None:
    """Return the values at the time of saving, if they are certain and a copy exists."""
    reading = one.saved.reading
    marks: Iterable[StorageMark | None] = (
        known_bytes.mark_of(reading.storage),
        *known_bytes.past.held(reading.storage),
    )
    certain = (mark for mark in marks if mark is not None and mark.copy is not None)
    return next((_numbers(one, mark) for mark in certain if one.digests == {digest_now(reading, mark)}), None)


def _numbers(one: TrackedTensor, mark: StorageMark | None) -> np.ndarray[Any, Any] | None:
    reading = one.saved.reading
    if mark is None or mark.copy is None or reading.dtype not in _COMPARED:
        return None
    rows = mark.elements(reading)
    found = None if rows is None else numbers(rows.reshape(-1, reading.itemsize), reading.dtype)
    return None if found is None else found.reshape(reading.shape)
