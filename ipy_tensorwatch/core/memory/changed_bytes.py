"""Which bytes of a block a cell changed, derived from the changes of its variables."""

from __future__ import annotations

from operator import mul
from typing import TYPE_CHECKING

from ..runtime.record import record
from .strided_layout import ByteRun, Lane, join_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..records.reading import Reading
    from ..records.report_parts import Change


@record
class Member:
    """One variable in a block, and the change of its bytes.

    Attributes
    ----------
    change
        The change that mutated its bytes, if any.
    is_clean
        Whether its bytes are known to be unchanged.
    """

    reading: Reading
    lane: Lane
    change: Change | None = None
    is_clean: bool = False


@record
class Dirty:
    """Changed bytes of one variable.

    Attributes
    ----------
    is_exact
        Whether every element in them changed. If not, they *may* have changed: they are in a changed variable and in
        no comparable variable that is unchanged. Either way, no byte of the variable outside them changed.
    """

    runs: tuple[ByteRun, ...]
    is_exact: bool


def find_dirty(members: Mapping[str, Member]) -> dict[str, Dirty]:
    """Return the changed bytes of each changed variable.

    A report has the number of changed elements and lists the first few. If all changed, or all are listed,
    that is exact. Otherwise other variables in the block bound the result: it contains the wholly changed ones and
    excludes the unchanged ones. A bound with as many elements as changed is exact.
    """
    return {path: _dirty(one, members.values()) for path, one in members.items() if one.change is not None}


def _dirty(one: Member, others: Iterable[Member]) -> Dirty:
    runs, nbytes = one.lane.runs, _changed_bytes(one)
    if nbytes is not None and nbytes >= one.reading.nbytes:
        return Dirty(runs=runs, is_exact=True)
    listed = _listed(one)
    if listed:
        return Dirty(runs=listed, is_exact=True)
    peers = [other for other in others if _is_peer(one, other)]
    inner = tuple(_meet(runs, _unite(other.lane.runs for other in peers if _is_whole(other))))
    if nbytes is not None and one.lane.is_exact and nbytes <= _covered(inner):
        return Dirty(runs=inner, is_exact=True)
    outer = tuple(_leave_out(runs, _unite(other.lane.runs for other in peers if other.is_clean))) or runs
    is_exact = nbytes is not None and one.lane.folds == 1 and _covered(outer) <= nbytes
    return Dirty(runs=outer, is_exact=is_exact)


def _listed(one: Member) -> tuple[ByteRun, ...]:
    """Return the changed elements, if the report lists all of them."""
    reading, elements = one.reading, one.change.elements if one.change else None
    indices = [example.index for example in elements.examples] if elements else []
    if not elements or elements.changed != len(indices) or {len(reading.shape)} != set(map(len, indices)):
        return ()
    first = one.lane.runs[0].low + reading.data_ptr - reading.address
    starts = {first + sum(map(mul, index, reading.strides)) for index in indices}
    return join_runs(ByteRun(start, start + reading.itemsize, reading.itemsize) for start in sorted(starts))


def _covered(runs: Iterable[ByteRun]) -> int:
    return sum(run.covered for run in runs)


def _changed_bytes(one: Member) -> int | None:
    """Return the number of bytes in changed elements; None if not known."""
    elements = one.change.elements if one.change else None
    return None if elements is None or elements.changed is None else elements.changed * one.reading.itemsize


def _is_whole(one: Member) -> bool:
    return _changed_bytes(one) == one.reading.nbytes


def _is_peer(one: Member, other: Member) -> bool:
    """Return whether another's change is evidence for ours: since the same cell, with the same element grid."""
    is_as_old = (one.change and one.change.since) == (other.change and other.change.since)
    return is_as_old and other.lane.is_exact and _has_same_grid(one.reading, other.reading)


def _has_same_grid(a: Reading, b: Reading) -> bool:
    """Return whether elements of the two never overlap partially, so that counting bytes counts elements."""
    size = a.itemsize
    steps = (a.address - b.address, *a.strides, *b.strides)
    return size == b.itemsize and not any(step % size for step in steps)


def _unite(several: Iterable[tuple[ByteRun, ...]]) -> tuple[ByteRun, ...]:
    """Return the union of lanes, counting stripes that meet others as lower bounds."""
    runs = sorted((run for lane in several for run in lane), key=lambda run: run.low)
    solid = join_runs(run for run in runs if run.is_solid)
    return tuple(sorted((*solid, *_apart(runs, solid)), key=lambda run: run.low))


def _apart(runs: Iterable[ByteRun], solid: Iterable[ByteRun]) -> Iterator[ByteRun]:
    """Yield the stripes that meet neither a solid run nor earlier stripes."""
    high = 0
    for run in runs:
        if not run.is_solid and run.low >= high and not any(one.low < run.high and run.low < one.high for one in solid):
            high = run.high
            yield run


def _meet(runs: Iterable[ByteRun], others: Iterable[ByteRun]) -> Iterator[ByteRun]:
    """Yield the intersection, its bytes counted as a lower bound."""
    for run in runs:
        for other in others:
            low, high = max(run.low, other.low), min(run.high, other.high)
            covered = _least(run, high - low) + _least(other, high - low) - (high - low)
            if low < high and covered > 0:
                yield ByteRun(low, high, covered)


def _least(run: ByteRun, width: int) -> int:
    """Return the minimum number of covered bytes in a part of a run."""
    return max(0, run.covered - (run.width - width))


def _leave_out(runs: Iterable[ByteRun], others: Iterable[ByteRun]) -> Iterator[ByteRun]:
    """Subtract wholly covered bytes from runs; the rest is counted as an upper bound."""
    solid = [other for other in others if other.is_solid]
    for run in runs:
        low = run.low
        for other in solid:
            if low < other.low < run.high and other.high > low:
                yield ByteRun(low, other.low, min(run.covered, other.low - low))
            if other.low < run.high and other.high > low:
                low = max(low, other.high)
        if low < run.high:
            yield ByteRun(low, run.high, min(run.covered, run.high - low))
