"""Compare the bytes of one path's own elements before and after a cell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.memory.count_differences import Side, Tally
from ...core.model.diff import Content
from ...core.model.records import Elements, Example
from ..memory.numbers import largest_step, numbers, plain_number
from .dense_count import count_dense

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...core.model.diff import Difference
    from ...core.model.reading import Reading
    from .fingerprints import Fingerprints, Mark, Verdict

EXAMPLES = 3
COUNTING = 0.5
"""Seconds that counting the changed elements behind one path may take."""


def contrast(
    difference: Difference, verdicts: Mapping[int, Verdict], prints: Fingerprints, examples: int = EXAMPLES
) -> Content:
    """Tell what became of the elements behind a path that led, and leads, to one object."""
    before, after = difference.before, difference.after
    if before is None or after is None:
        return Content(changed=None, verified=False)
    if before.unknown or after.unknown:
        return Content(changed=True if _gained(before, after) else None, verified=False)
    if not before.nbytes and not after.nbytes:
        return Content(changed=False, verified=True)
    old, new, since = marks_of(before, after, verdicts, prints)
    if old is None or new is None:
        moved = before.version != after.version or before.storage != after.storage
        return Content(changed=True if moved else None, verified=False, since=since)
    return _compare(before, after, old, new, since, examples)


def _gained(before: Reading, after: Reading) -> bool:
    """Take a raised version for a write where nothing better is known; a sparse tensor's components tell better."""
    if before.unknown != after.unknown:
        return True
    return before.version != after.version and not (before.unknown and "sparse" in before.unknown.detail)


def marks_of(
    before: Reading, after: Reading, verdicts: Mapping[int, Verdict], prints: Fingerprints
) -> tuple[Mark | None, Mark | None, int | None]:
    """Find the marks of the memory before and after; None where it was not looked at."""
    old, new = verdicts.get(before.storage), verdicts.get(after.storage)
    since = old.since if old else None
    first = old.before if old else prints.marks.get(before.storage)
    if new is None:
        return first, prints.marks.get(after.storage), since
    return first, new.after, since


def _compare(  # noqa: PLR0913, PLR0917
    before: Reading, after: Reading, old: Mark, new: Mark, since: int | None, examples: int
) -> Content:
    if before.nbytes != after.nbytes or before.itemsize != after.itemsize:
        return Content(changed=True, verified=True, since=since)
    if old is new and _same_bytes(before, after):
        return Content(changed=False, verified=True, since=since)
    if before.shape != after.shape and _same_bytes(before, after):
        after = before._replace(data_ptr=after.data_ptr)
    sides = _sides(before, after, old, new)
    if sides is not None:
        return count_dense(before, sides, since, examples) or _count(before, sides, since, examples)
    digests = old.part_digest(before), new.part_digest(after)
    if None in digests:
        return Content(changed=True if before.version != after.version else None, verified=False, since=since)
    elements = Elements(changed=None, total=after.numel) if digests[0] != digests[1] else None
    return Content(changed=digests[0] != digests[1], verified=True, elements=elements, since=since)


def _same_bytes(before: Reading, after: Reading) -> bool:
    """Tell whether two layouts of one storage are the same elements, or the same set of bytes in another shape."""
    if before.storage != after.storage or (before.low, before.high) != (after.low, after.high):
        return False
    is_dense = before.is_dense and after.is_dense
    return before.layout == after.layout or (is_dense and before.shape != after.shape)


def _sides(before: Reading, after: Reading, old: Mark, new: Mark) -> tuple[Side, Side] | None:
    """Lay the elements over the copies before and after; None where there is no copy."""
    if before.shape == after.shape:
        first, second = old.side(before), new.side(after)
        return (first, second) if first and second else None
    rows = [mark.elements(one) for mark, one in ((old, before), (new, after))]
    if any(one is None for one in rows):
        return None
    flat = [np.ascontiguousarray(one).reshape(-1) for one in rows]
    return Side(flat[0], 0, _row_major(before)), Side(flat[1], 0, _row_major(before))


def _row_major(reading: Reading) -> tuple[int, ...]:
    """Return the strides that elements of this shape have where they lie one behind the other."""
    return tuple(reading.itemsize * math.prod(reading.shape[place + 1 :]) for place in range(len(reading.shape)))


@dataclass(slots=True)
class _Largest:
    """Keeps the largest difference between elements of one type."""

    dtype: str
    found: float | None = None

    def note(self, old: np.ndarray[Any, Any], new: np.ndarray[Any, Any]) -> None:
        """Look at some elements that differ."""
        largest = largest_step(old, new, self.dtype)
        if largest is not None and (self.found is None or largest > self.found):
            self.found = largest


def _count(reading: Reading, sides: tuple[Side, Side], since: int | None, examples: int) -> Content:
    largest = _Largest(reading.dtype)
    tally = Tally(reading.shape, reading.itemsize, examples, perf_counter() + COUNTING, largest.note)
    tally.count(*sides)
    if not tally.differs:
        return Content(changed=tally.differs, verified=tally.differs is not None, since=since)
    if tally.changed is None:
        return Content(changed=True, verified=True, elements=Elements(changed=None, total=reading.numel), since=since)
    elements = Elements(
        changed=tally.changed,
        total=reading.numel,
        max_abs=largest.found,
        examples=tuple(_examples(reading, sides, tally.first)),
    )
    return Content(changed=True, verified=True, elements=elements, since=since)


def _examples(reading: Reading, sides: tuple[Side, Side], indices: list[tuple[int, ...]]) -> Iterator[Example]:
    for index in indices:
        before, after = (numbers(side.element(index, reading.itemsize), reading.dtype) for side in sides)
        if before is not None and after is not None:
            yield Example(index=index, before=plain_number(before[0]), after=plain_number(after[0]))
