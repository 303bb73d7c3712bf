"""Which bytes of a block a cell has changed, as far as it is known of the variables that lie there."""

from __future__ import annotations

from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING

from .strided_layout import ByteRun, join_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..model.reading import Reading
    from ..model.records import Change
    from .strided_layout import Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One variable in a block, and what became of its bytes.

    Attributes
    ----------
    change
        The change by which its bytes were mutated, if they were.
    is_clean
        Whether its bytes are known to be what they were before the cell.
    """

    reading: Reading
    lane: Lane
    change: Change | None = None
    is_clean: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dirty:
    """Bytes of one variable that the cell changed.

    Attributes
    ----------
    is_exact
        Whether every element in them changed. If not, they *may* have changed: they lie in a changed variable and in
        none of like elements that is known to be unchanged. Either way, no byte of the variable outside them changed.
    """

    runs: tuple[ByteRun, ...]
    is_exact: bool


def find_dirty(members: Mapping[str, Member]) -> dict[str, Dirty]:
    """Find the changed bytes of each variable that changed.

    A report says how many elements of a variable changed, and lists the first few. Where all did, or all are listed,
    that is the answer. Else the others in the block narrow it down: all that is wholly changed is in it, and nothing
    that is unchanged. Where either bound holds as many elements as have changed, it is the answer.
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
    """Find the elements that changed where they are so few that the report lists them all."""
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
    """Count the bytes of the elements that changed; None where their number is not known."""
    elements = one.change.elements if one.change else None
    return None if elements is None or elements.changed is None else elements.changed * one.reading.itemsize


def _is_whole(one: Member) -> bool:
    return _changed_bytes(one) == one.reading.nbytes


def _is_peer(one: Member, other: Member) -> bool:
    """Return whether what became of another's bytes tells of ours: since the same cell, and in the same elements."""
    is_as_old = (one.change and one.change.since) == (other.change and other.change.since)
    return is_as_old and other.lane.is_exact and _has_same_grid(one.reading, other.reading)


def _has_same_grid(a: Reading, b: Reading) -> bool:
    """Return whether elements of the two never overlap in part, so that counting bytes counts elements."""
    size = a.itemsize
    steps = (a.address - b.address, *a.strides, *b.strides)
    return size == b.itemsize and not any(step % size for step in steps)


def _unite(several: Iterable[tuple[ByteRun, ...]]) -> tuple[ByteRun, ...]:
    """Unite what lanes cover, where stripes that meet others are counted low."""
    runs = sorted((run for lane in several for run in lane), key=lambda run: run.low)
    solid = join_runs(run for run in runs if run.is_solid)
    return tuple(sorted((*solid, *_apart(runs, solid)), key=lambda run: run.low))


def _apart(runs: Iterable[ByteRun], solid: Iterable[ByteRun]) -> Iterator[ByteRun]:
    """Keep the stripes that meet neither a solid run nor stripes before them."""
    high = 0
    for run in runs:
        if not run.is_solid and run.low >= high and not any(one.low < run.high and run.low < one.high for one in solid):
            high = run.high
            yield run


def _meet(runs: Iterable[ByteRun], others: Iterable[ByteRun]) -> Iterator[ByteRun]:
    """Find the bytes that both cover, counted low."""
    for run in runs:
        for other in others:
            low, high = max(run.low, other.low), min(run.high, other.high)
            covered = _least(run, high - low) + _least(other, high - low) - (high - low)
            if low < high and covered > 0:
                yield ByteRun(low, high, covered)


def _least(run: ByteRun, width: int) -> int:
    """Count the bytes that a part of a run covers at least."""
    return max(0, run.covered - (run.width - width))


def _leave_out(runs: Iterable[ByteRun], others: Iterable[ByteRun]) -> Iterator[ByteRun]:
    """Take the bytes that others cover wholly out of runs, the rest counted high."""
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
