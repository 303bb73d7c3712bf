"""The moments of a cell: when each path came to lead to another tensor, or its tensor to lie elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..model.differences import Differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..model.born import Born
    from ..model.cell_trace import CellTrace
    from ..model.differences import Found
    from ..model.evidence import Move
    from ..model.reading import Reading


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


def moments_of(trace: CellTrace) -> Iterator[Moment]:
    """Yield the moments of a cell, those of one path in order."""
    last = max((one.look for one in trace.born), default=0) + 1
    seen = {moment.path: moment for moment in _bound(trace.born)}
    yield from seen.values()
    for moment in shifts(trace.found):
        bound, after = seen.get(moment.path), moment.after
        move = _last_move(trace.own.moves, after) if after else None
        look, statements = (move.look, _indices(move)) if move else (last, trace.own.ran)
        if bound is None:
            yield moment._replace(look=look, statements=statements)
        elif after and bound.after and lies(after) != lies(bound.after):
            yield Moment(moment.path, bound.after, after, max(look, bound.look), statements)


def shifts(found: Sequence[Found]) -> Iterator[Moment]:
    """Yield the paths that lead to another tensor than before, or whose tensor lies elsewhere."""
    if isinstance(found, Differences):
        for scene, place, before, after in found.rows:
            if before is None or after is None or lies(before) != lies(after):
                yield Moment(str(scene.path_at(place)), before, after)
        return
    for difference, _ in found:
        before, after = difference.before, difference.after
        if before is None or after is None or lies(before) != lies(after):
            yield Moment(str(difference.path), before, after)


def lies(reading: Reading) -> tuple[object, ...]:
    """Return which tensor it is, and where its elements lie."""
    return reading.object, reading.storage, reading.data_ptr, reading.shape, reading.strides, reading.itemsize


def _bound(born: Iterable[Born]) -> Iterator[Moment]:
    for one in born:
        statements = _indices(one)
        for difference, _ in one.found:
            yield Moment(str(difference.path), None, difference.before or difference.after, one.look, statements)


def _last_move(moves: Mapping[int, tuple[Move, ...]], after: Reading) -> Move | None:
    several = reversed(moves.get(after.object, ()))
    return next((one for one in several if one.storage == after.storage), None)


def _indices(one: Born | Move) -> frozenset[int]:
    return frozenset(position.statement for position in one.positions)
