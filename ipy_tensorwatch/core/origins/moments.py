"""The moments of a cell: when each path came to lead to another tensor, or its tensor to lie elsewhere."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from ..records.reading import Reading
from ..records.snapshots.differences import Differences
from ..records.trace.born import Arrival
from ..records.trace.cell_trace import CellTrace
from ..records.trace.evidence import Evidence, Move, Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..records.snapshots.differences import Found

    Leading = dict[int, dict[str, None]]

_LIES = slice(Reading._fields.index("object"), Reading._fields.index("data_ptr") + 1)
"""The fields of a reading that say which tensor it is, and where its elements lie."""
AT_END = 1 << 62
"""Stands for the look after the cell."""


class Moment(NamedTuple):
    """A path leads to another tensor, or its tensor lies elsewhere, since some look.

    Attributes
    ----------
    before, after
        What the path led to; None for nothing.
    look
        The look that saw it first.
    statements
        The indices of the statements one of which did it.
    """

    path: str
    before: Reading | None
    after: Reading | None
    look: int = 0
    statements: frozenset[int] = frozenset()


def without_bytes(trace: CellTrace) -> CellTrace:
    """Return what the moments of a cell need of its trace: it may be kept for long."""
    own, found, outside = (
        trace.own,
        *(Differences(rows=one.rows) if isinstance(one, Differences) else one for one in (trace.found, trace.outside)),
    )
    return CellTrace(
        cell=trace.cell,
        before=trace.before,
        found=found,
        outside=outside,
        arrivals=trace.arrivals,
        unseen=trace.unseen,
        own=Evidence(plain=own.plain, moves=own.moves, ran=own.ran),
        coverage=trace.coverage,
    )


def moments_of(trace: CellTrace) -> Iterator[Moment]:
    """Yield the moments of a cell, in order."""
    now: dict[str, Reading | None] = {}
    leading: dict[int, dict[str, None]] = {}
    for moment in _in_order(trace, now, leading):
        if lie_apart(moment.before, moment.after):
            now[moment.path] = moment.after
            if moment.after is not None:
                leading.setdefault(moment.after.object, {})[moment.path] = None
            yield moment


def _in_order(trace: CellTrace, now: dict[str, Reading | None], leading: Leading) -> Iterator[Moment]:
    """Yield the moments as the looks saw them, then what the last look saw.

    Parameters
    ----------
    now, leading
        What the paths lead to that have led elsewhere in this cell, and the paths that have led to each tensor.
    """
    moves = (one for several in trace.own.moves.values() for one in several if one.reading is not None)
    seen_first: list[Move | Arrival] = sorted([*moves, *trace.arrivals], key=attrgetter("look"))
    for seen in seen_first:
        statements = indices(seen.positions)
        if isinstance(seen, Arrival):
            before = now[seen.path] if seen.path in now else trace.before.get(seen.path)
            yield Moment(seen.path, before, seen.reading, seen.look, statements)
        else:
            for path, before in _paths_of(seen, trace, now, leading):
                yield Moment(path, before, seen.reading, seen.look, statements)
    unseen = indices(trace.unseen) or trace.own.ran
    for moment in shifts(trace.found):
        bound = moment.before is None or moment.after is None or moment.before.object != moment.after.object
        statements = unseen if bound else trace.own.ran
        before = now.get(moment.path, moment.before)
        yield Moment(moment.path, before, moment.after, AT_END, statements)


def _paths_of(
    move: Move, trace: CellTrace, now: dict[str, Reading | None], leading: Leading
) -> list[tuple[str, Reading]]:
    """Return the paths that lead to a tensor that moves, each with its reading before."""
    known = ((path, now[path]) for path in leading.get(move.object, ()))
    held = [(path, one) for path, one in known if one is not None and one.object == move.object]
    for scene in trace.before.scenes.values():
        for place in scene.by_object.get(move.object, ()):
            path = str(scene.path_at(place))
            if path not in now:
                held.append((path, scene.readings[place]))
    return held


def shifts(found: Sequence[Found]) -> Iterator[Moment]:
    """Yield the paths that lead to another tensor than before, or whose tensor lies elsewhere."""
    if isinstance(found, Differences):
        for scene, place, before, after in found.rows:
            if before is None or after is None or before[_LIES] != after[_LIES]:
                yield Moment(str(scene.path_at(place)), before, after)
        return
    for difference, _ in found:
        if lie_apart(difference.before, difference.after):
            yield Moment(str(difference.path), difference.before, difference.after)


def lie_apart(before: Reading | None, after: Reading | None) -> bool:
    """Return whether two readings are of other tensors, or of one whose elements lie elsewhere."""
    return (before and before[_LIES]) != (after and after[_LIES])


def indices(positions: Iterable[Position]) -> frozenset[int]:
    """Return the statements of some positions."""
    return frozenset(position.statement for position in positions)
