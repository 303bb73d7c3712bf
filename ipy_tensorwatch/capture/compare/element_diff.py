"""Compare the bytes of one path's own elements before and after a cell."""

from __future__ import annotations

import math
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...core.memory.count_differences import Side, Tally
from ...core.memory.footprint import footprint_of
from ...core.records.reading import Reading
from ...core.records.report_parts import Elements, Example
from ...core.records.snapshots.differences import CountsOnDemand
from ...core.runtime.record import mutable
from ..memory.numbers import largest_step, numbers, plain_number
from .compare_bytes import ByteVerdict, Fingerprints, StorageMark
from .counts_on_device import CountsOnDevice
from .dense_count import count_dense, is_row_major
from .device_mark import DeviceMark, pair_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ...core.records.snapshots.difference import DiffRow

EXAMPLES = 3
COUNTING = 0.5
"""Seconds that counting the changed elements of one path may take."""


class ElementDiff(NamedTuple):
    """The result of comparing the bytes of one path's elements."""

    changed: bool | None
    verified: bool
    since: int | None = None
    elements: Elements | Uncounted | ByteVerdict | None = None


class Uncounted(NamedTuple):
    """Elements that differ, and the copies in which to count them."""

    before: Reading
    after: Reading
    old: StorageMark
    new: StorageMark


class ElementCounts(CountsOnDemand):
    """The numbers of changed elements of many paths, counted on demand in the bytes of that time.

    Attributes
    ----------
    nbytes
        The number of bytes kept for counting.
    """

    def __init__(self, rows: Sequence[DiffRow], known: Sequence[ElementDiff], examples: int) -> None:
        self._rows: list[Elements | Uncounted | ByteVerdict | Reading | None] = [one.elements for one in known]
        self._readings, self._examples = rows, examples
        changed = [one.before for one in self._rows if isinstance(one, ByteVerdict)]
        marks = [*changed, *[one.old for one in self._rows if isinstance(one, Uncounted)]]
        blocks = [one.block for one in marks if one is not None and _has_copy(one)]
        self.nbytes = 2 * sum({one.address: one.nbytes for one in blocks}.values())
        self._on_device = CountsOnDevice()

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._rows)

    def __getitem__(self, row: Any) -> Any:  # noqa: ANN401
        """Count the elements of one row."""
        found = self._rows[row]
        if isinstance(found, ByteVerdict):
            found = self._sides_of(row, found)
        if isinstance(found, Uncounted) and isinstance(found.old, DeviceMark):
            return self._counted_on_device(row, found)
        if isinstance(found, Uncounted):
            self._rows[row] = found = self._count(found)
        return Elements(changed=None, total=found.numel) if isinstance(found, Reading) else found

    def sharpen(self, row: int, elements: Elements | Uncounted | ByteVerdict) -> None:
        """Set the elements of a row that has no kept copy, counted elsewhere."""
        self._rows[row] = self._count(elements) if isinstance(elements, Uncounted) else elements

    def let_go(self) -> None:
        """Release the bytes: what was not counted becomes unknown. Safe to call again: two limits bound these bytes."""
        if not self._readings:
            return
        self._rows = [
            row.after if type(one) in _UNCOUNTED else one for one, row in zip(self._rows, self._readings, strict=True)
        ]
        self._readings, self.nbytes, self._on_device = (), 0, CountsOnDevice()

    def _counted_on_device(self, row: int, one: Uncounted) -> Elements:
        """Return what a device counted, unknown while it works; all rows are counted by the same launches."""
        if not self._on_device.is_launched:
            asked = [(number, one) for number, one in enumerate(self._rows) if isinstance(one, Uncounted)]
            pairs = {number: pair for number, one in asked if (pair := pair_of(*one)) is not None}
            self._on_device.launch(pairs)
        if self._on_device.is_landed():
            self._rows[row] = elements = self._on_device.elements(row, one.after.numel)
            return elements
        return Elements(changed=None, total=one.after.numel)

    def _sides_of(self, row: int, verdict: ByteVerdict) -> Uncounted | None:
        (_, _, before, after), old, new = self._readings[row], verdict.before, verdict.after
        return Uncounted(before, after, old, new) if before and after and old and new else None

    def _count(self, one: Uncounted) -> Elements | None:
        sides = _sides(*one)
        return count_elements(one.before, sides, self._examples)[1] if sides else None


_UNCOUNTED = (Uncounted, ByteVerdict)


def _has_copy(mark: StorageMark) -> bool:
    return bool(mark.copy) or (isinstance(mark, DeviceMark) and mark.kept is not None)


def contrast_rows(
    rows: Iterable[DiffRow], verdicts: Mapping[int, ByteVerdict], prints: Fingerprints, examples: int
) -> list[ElementDiff]:
    """Compare the elements of several paths."""
    found: list[ElementDiff] = []
    for _, _, before, after in rows:
        if before is None or after is None:
            found.append(_NOT_COMPARED)
        else:
            verdict = verdicts.get(before.storage)
            quick = _rewritten_whole(before, after, verdict) if verdict and before.storage == after.storage else None
            found.append(quick or compare_elements(before, after, verdicts, prints, examples))
    return found


def _rewritten_whole(before: Reading, after: Reading, verdict: ByteVerdict) -> ElementDiff | None:
    """Answer quickly for a tensor that fills its memory, was written, and lies as before; None for any other."""
    _, _, _, _, _, itemsize, shape, strides, _, low, high, _, _, _, _, unknown = before
    _, _, _, _, _, its_size, its_shape, its_strides, _, its_low, its_high, *_ = after
    if (
        itemsize != its_size
        or shape is not its_shape
        or strides is not its_strides
        or low != its_low
        or high != its_high
    ):
        return None
    if unknown or verdict[1] is None or verdict[2] is None:
        return None
    (block, old, copied, _), (other, new, kept, _) = verdict[1], verdict[2]
    if block is not other or not copied or not kept or old == new or block.low != low or block.end != high:
        return None
    if not is_row_major(shape, strides, itemsize):
        return None
    return tuple.__new__(ElementDiff, (True, True, verdict[3], verdict))


def compare_elements(
    before: Reading | None,
    after: Reading | None,
    verdicts: Mapping[int, ByteVerdict],
    prints: Fingerprints,
    examples: int,
) -> ElementDiff:
    """Compare the elements behind a path that leads to the same object before and after."""
    if before is None or after is None:
        return _NOT_COMPARED
    if before.unknown or after.unknown:
        return ElementDiff(changed=True if _gained(before, after) else None, verified=False)
    old, new, since = marks_of(before, after, verdicts, prints)
    if old is not None and new is not None:
        return (_compare_whole(before, after, old, new, since)
                or _compare(before, after, old, new, examples)._replace(since=since))  # fmt: skip
    if not before.nbytes and not after.nbytes:
        return ElementDiff(changed=False, verified=True)
    moved = before.version != after.version or before.storage != after.storage
    return ElementDiff(changed=True if moved else None, verified=False, since=since)


_NOT_COMPARED = ElementDiff(changed=None, verified=False)


_WITHOUT_BYTES = frozenset[str](("meta", "uninitialized"))


def _gained(before: Reading, after: Reading) -> bool:
    """Return whether a higher version is taken as a write; for a sparse tensor its components decide.

    A meta tensor has no bytes, nor has a lazy module's parameter until the first call initializes it.
    """
    if before.unknown and before.unknown.code in _WITHOUT_BYTES:
        return False
    if any(one.unknown and one.unknown.code == "error-while-reading" for one in (before, after)):
        return False
    if before.unknown != after.unknown:
        return True
    return before.version != after.version and not (before.unknown and "sparse" in before.unknown.detail)


def marks_of(
    before: Reading, after: Reading, verdicts: Mapping[int, ByteVerdict], prints: Fingerprints
) -> tuple[StorageMark | None, StorageMark | None, int | None]:
    """Return the marks of the memory before and after, and the cell of the earlier; None if it was not read."""
    if before.storage == after.storage and (one := verdicts.get(before.storage)) is not None:
        return one.before, one.after, one.since
    old, new = verdicts.get(before.storage), verdicts.get(after.storage)
    since = old.since if old else None
    first = old.before if old else prints.mark_of(before.storage)
    if new is None:
        return first, prints.mark_of(after.storage), since
    return first, new.after, since


def _compare_whole(
    before: Reading, after: Reading, old: StorageMark, new: StorageMark, since: int | None
) -> ElementDiff | None:
    """Compare, by digests only, elements that fill a block contiguously; None for any others."""
    _, _, _, _, _, itemsize, shape, strides, _, low, high, *_ = before
    if after.low != low or after.high != high or after.shape != shape or after.strides != strides:
        return None
    block, other = old.block, new.block
    if low != block.low or high != block.end or (other is not block and (low != other.low or high != other.end)):
        return None
    if after.itemsize != itemsize or not is_row_major(shape, strides, itemsize):
        return None
    if old.digest == new.digest:
        return ElementDiff(False, True, since)  # noqa: FBT003
    if not _has_copy(old) or not _has_copy(new):
        return ElementDiff(True, True, since, Elements(changed=None, total=after.numel))  # noqa: FBT003
    return ElementDiff(True, True, since, Uncounted(before, after, old, new))  # noqa: FBT003


def _compare(before: Reading, after: Reading, old: StorageMark, new: StorageMark, examples: int) -> ElementDiff:
    if not before.nbytes and not after.nbytes:
        return ElementDiff(changed=False, verified=True)
    if before.nbytes != after.nbytes or before.itemsize != after.itemsize:
        return ElementDiff(changed=True, verified=True)
    if old is new and _same_bytes(before, after):
        return ElementDiff(changed=False, verified=True)
    if before.shape != after.shape and _same_bytes(before, after):
        after = before._replace(data_ptr=after.data_ptr)
    sides = _sides(before, after, old, new)
    if sides is not None:
        changed, counted = count_elements(before, sides, examples)
        return ElementDiff(changed=changed, verified=changed is not None, elements=counted)
    digests = old.part_digest(before), new.part_digest(after)
    is_comparable = _in_one_order(before, after) and (digests[0] == digests[1] or _cover_alike(before, after))
    if None in digests or not is_comparable:
        return ElementDiff(changed=True if before.version != after.version else None, verified=False)
    if digests[0] == digests[1]:
        return ElementDiff(changed=False, verified=True)
    if pair_of(before, after, old, new) is not None:
        return ElementDiff(changed=True, verified=True, elements=Uncounted(before, after, old, new))
    return ElementDiff(changed=True, verified=True, elements=Elements(changed=None, total=after.numel))


def _in_one_order(before: Reading, after: Reading) -> bool:
    """Return whether the elements of two layouts follow each other alike in memory, whose order digests are of."""
    if before.layout == after.layout:
        return True
    orders = [_order(one) for one in (before, after)]
    return (
        orders[0] == orders[1] if before.shape == after.shape else all(one == sorted(map(abs, one)) for one in orders)
    )


def _order(reading: Reading) -> list[int]:
    """Return the dimensions by falling stride, from 1 on; negative for those that lead backwards."""
    known = zip(reading.strides, reading.shape, strict=True)
    steps = sorted((-abs(stride), place, stride < 0) for place, (stride, count) in enumerate(known, 1) if count > 1)
    return [-place if is_backward else place for _, place, is_backward in steps]


def _cover_alike(before: Reading, after: Reading) -> bool:
    """Return whether two layouts cover as many bytes, so that digests tell them apart by content; overlaps differ."""
    sizes = {one.nbytes if one.is_dense else getattr(footprint_of(one), "nbytes", 0) for one in (before, after)}
    return len(sizes) == 1


def _same_bytes(before: Reading, after: Reading) -> bool:
    """Return whether two layouts of one storage have the same elements, or the same bytes in another shape."""
    if before.storage != after.storage or (before.low, before.high) != (after.low, after.high):
        return False
    is_dense = before.is_dense and after.is_dense
    return before.layout == after.layout or (is_dense and before.shape != after.shape)


def _sides(before: Reading, after: Reading, old: StorageMark, new: StorageMark) -> tuple[Side, Side] | None:
    """View the elements over the copies before and after; None without a copy."""
    if before.shape == after.shape:
        first, second = old.side(before), new.side(after)
        return (first, second) if first and second else None
    rows = [mark.elements(one) for mark, one in ((old, before), (new, after))]
    if any(one is None for one in rows):
        return None
    flat = [np.ascontiguousarray(one).reshape(-1) for one in rows]
    return Side(flat[0], 0, _row_major(before)), Side(flat[1], 0, _row_major(before))


def _row_major(reading: Reading) -> tuple[int, ...]:
    """Return the strides of a contiguous layout of this shape, in bytes."""
    return tuple(reading.itemsize * math.prod(reading.shape[place + 1 :]) for place in range(len(reading.shape)))


@mutable
class _Largest:
    """The largest difference between elements of one type."""

    dtype: str
    found: float | None = None

    def note(self, old: np.ndarray[Any, Any], new: np.ndarray[Any, Any]) -> None:
        """Update it with some elements that differ."""
        largest = largest_step(old, new, self.dtype)
        if largest is not None and (self.found is None or largest > self.found):
            self.found = largest


Counted = tuple[bool | None, Elements | None]
"""Whether any elements differ (None if the comparison was cut short), and how many."""


def count_elements(reading: Reading, sides: tuple[Side, Side], examples: int) -> Counted:
    """Count the elements that differ between two copies."""
    return count_dense(reading, sides, examples) or _count(reading, sides, examples)


def _count(reading: Reading, sides: tuple[Side, Side], examples: int) -> Counted:
    largest = _Largest(reading.dtype)
    tally = Tally(reading.shape, reading.itemsize, examples, perf_counter() + COUNTING, largest.note)
    tally.count(*sides)
    if not tally.differs:
        return tally.differs, None
    if tally.changed is None:
        return True, Elements(changed=None, total=reading.numel)
    return True, Elements(
        changed=tally.changed,
        total=reading.numel,
        max_abs=largest.found,
        examples=tuple(_examples(reading, sides, tally.first)),
    )


def _examples(reading: Reading, sides: tuple[Side, Side], indices: list[tuple[int, ...]]) -> Iterator[Example]:
    for index in indices:
        before, after = (numbers(side.element(index, reading.itemsize), reading.dtype) for side in sides)
        if before is not None and after is not None:
            yield Example(index=index, before=plain_number(before[0]), after=plain_number(after[0]))
