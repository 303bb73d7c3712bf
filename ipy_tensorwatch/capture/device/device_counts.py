"""Count on the device how many elements of two kept copies differ: only the counts come to the host."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from ..runtime.torch_private import undisturbed
from .accelerator_api import Sent
from .kept_copy import KeptCopy, lay_out_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...core.records.reading import Reading

MAX_ELEMENTS = 1 << 20
"""Elements of expanded tensors, which may be any number, are counted up to this one."""
AT_ONCE = 1 << 22
"""The bytes of elements, of 8 at least, that are compared at once: this takes about five times as much memory."""
_NONE = -1.0
"""Stands for no finite difference."""
_WHOLE = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64, 16: torch.int64}
"""The bits of elements are compared as integers: NaN equals itself, and 0 is not -0."""
_NUMERIC = {
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
}


class CopyPair(NamedTuple):
    """The elements of a path in two copies of its storage.

    Attributes
    ----------
    before, after
        Their readings, of one shape.
    low, high
        Where the first element lies in the old and in the new copy, in bytes.
    """

    before: Reading
    after: Reading
    old: KeptCopy
    new: KeptCopy
    low: int
    high: int

    @property
    def weight(self) -> int:
        """The bytes of the elements of one side, of 8 at least each: differences have so many."""
        return max(self.before.nbytes, 8 * self.before.numel)

    @property
    def kind(self) -> tuple[object, ...]:
        """What pairs that are compared together have in common."""
        before, old, new = self.before, self.old.rows.shape[1], self.new.rows.shape[1]
        return before.dtype, before.shape, before.strides, self.after.strides, self.low, self.high, old, new


class CountsUnderWay(NamedTuple):
    """For some pairs, by number: how many elements differ and by how much, on the way to the host."""

    numbers: Sequence[int]
    sent: Sent

    def known(self) -> dict[int, tuple[int, float | None]] | None:
        """Return the number of differing elements and the largest finite difference; None before they have arrived."""
        if not self.sent.has_landed():
            return None
        rows = self.sent.numbers()
        counts, steps = rows[:, :4].copy().view(np.int32), rows[:, 4:].copy()
        wide = steps.view(np.float64 if steps.shape[1] == np.float64().itemsize else np.float32)
        return {
            number: (changed, None if step == _NONE else step)
            for number, changed, step in zip(self.numbers, counts[:, 0].tolist(), wide[:, 0].tolist(), strict=True)
        }


def launch_counts(pairs: dict[int, CopyPair]) -> CountsUnderWay | None:
    """Launch the comparison of copies on one device; None if none of them can be compared there."""
    numbers: list[int] = []
    found: list[torch.Tensor] = []
    with undisturbed(), torch.no_grad():
        for some in _alike(pairs):
            counted = _count([pairs[number] for number in some])
            if counted is not None:
                numbers += some
                found.append(counted)
        return CountsUnderWay(numbers, Sent.off(torch.cat(found))) if found else None


def _alike(pairs: dict[int, CopyPair]) -> Iterator[list[int]]:
    """Yield the numbers of pairs that are compared by the same operators."""
    kinds = {number: repr(one.kind) for number, one in pairs.items() if one.before.numel <= MAX_ELEMENTS}
    for _, alike in groupby(sorted(kinds, key=kinds.__getitem__), key=kinds.__getitem__):
        rest = [*alike]
        most = max(1, AT_ONCE // max(1, pairs[rest[0]].weight))
        for start in range(0, len(rest), most):
            yield rest[start : start + most]


def _count(pairs: Sequence[CopyPair]) -> torch.Tensor | None:
    """Return the count and the largest difference of pairs of one kind, a row of bytes for each pair."""
    first = pairs[0]
    dtype = getattr(torch, first.before.dtype.removeprefix("torch."), None)
    if not isinstance(dtype, torch.dtype) or dtype.itemsize not in _WHOLE:
        return None
    rows = [torch.stack([copy.words for copy in side]) for side in ([p.old for p in pairs], [p.new for p in pairs])]
    layouts = ((first.before, first.low), (first.after, first.high))
    kind = torch.uint8 if dtype is torch.bool else dtype
    old, new = (lay_out_rows(one, reading, low, kind) for one, (reading, low) in zip(rows, layouts, strict=True))
    if old is None or new is None:
        return None
    old, new = old.reshape(len(pairs), -1), new.reshape(len(pairs), -1)
    differs = _bits(old) != _bits(new)
    differs = differs.view(len(pairs), -1, 2).any(2) if dtype.itemsize == 16 else differs  # noqa: PLR2004  (two words)
    wide = torch.float32 if old.device.type == "mps" else torch.float64
    steps = _steps(old, new, wide) if dtype in _NUMERIC else old.new_full((1,), _NONE, dtype=wide)
    steps = torch.where(differs & torch.isfinite(steps), steps, _NONE)
    numbers = differs.sum(1, keepdim=True).to(torch.int32), steps.amax(1, keepdim=True).to(wide)
    return torch.cat([one.view(torch.uint8) for one in numbers], 1)


def _bits(elements: torch.Tensor) -> torch.Tensor:
    return elements.contiguous().view(_WHOLE[elements.itemsize])


def _steps(old: torch.Tensor, new: torch.Tensor, wide: torch.dtype) -> torch.Tensor:
    if old.is_complex():
        return new.to(torch.complex128, copy=True).sub_(old).abs()
    return new.to(wide, copy=True).sub_(old).abs_()
