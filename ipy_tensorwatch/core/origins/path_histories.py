"""The session's record of what each path led to, and since which statements."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from itertools import takewhile
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from ..interpreter.cell_definitions import definitions_in
from ..interpreter.source_index import Library
from ..records.trace.notebook import Definition, Notebook
from ..runtime.record import field, mutable
from ..syntax.parsing import may_define
from .moments import Moment, lie_apart, moments_of, shifts, without_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..records.reading import Reading
    from ..records.snapshots.snapshot import Snapshot
    from ..records.trace.cell_trace import CellTrace

MAX_MOMENTS = 100_000
"""How many moments are kept; the oldest go first."""
MAX_WAITING, MAX_ROWS = 256, 50_000
"""How many cells, and differences in them, may wait to be read."""
BEFORE = -1
"""Stands for the look before the cell."""


class RanCell(NamedTuple):
    """A cell as its moments need it: its execution count and plain source; the gap between two cells has neither."""

    execution: int | None = None
    plain: str = ""


BETWEEN = RanCell()


class DatedMoment(NamedTuple):
    """A moment, and the cell in which it was, by its number in the session.

    Attributes
    ----------
    is_first
        Whether it only says what the path led to before the first known moment.
    """

    number: int
    cell: RanCell
    moment: Moment
    is_first: bool = False

    @property
    def order(self) -> tuple[int, int]:
        """When it was, in the session."""
        return self.number, self.moment.look

    @property
    def reading(self) -> Reading | None:
        """What the path leads to since."""
        return self.moment.after


def first_moment(path: str, reading: Reading) -> DatedMoment:
    """Return what a path led to before its first known moment."""
    return DatedMoment(0, BETWEEN, Moment(path, None, reading), is_first=True)


@mutable(eq=False)
class PathHistories:
    """What each path led to, since which statements of which cell; plain values, the latest moments only.

    Attributes
    ----------
    number
        How many cells have been added.
    """

    number: int = 0
    _waiting: deque[tuple[int, CellTrace]] = field(default_factory=deque)
    _rows: int = 0
    _first: Snapshot | None = None
    _last: tuple[int, Snapshot] | None = None
    _sources: list[tuple[int, RanCell]] = field(default_factory=list)
    _defined: list[dict[str, Definition]] = field(default_factory=list)
    _steps: dict[str, list[DatedMoment]] = field(default_factory=dict)
    _library: tuple[int, Library] | None = None
    _order: deque[str] = field(default_factory=deque)

    def add(self, trace: CellTrace) -> None:
        """Add a cell, once; it is read only when somebody asks, or if too many wait."""
        if self._last is not None and self._last[0] == trace.cell.count and self._last[1] is trace.after:
            return  # it is explained again, because bytes of a device have arrived
        self.number, self._last = self.number + 1, (trace.cell.count, trace.after)
        self._first = trace.before if self._first is None else self._first
        if may_define(trace.own.plain):
            self._sources.append((self.number, RanCell(trace.cell.count, trace.own.plain)))
        if not (trace.found or trace.outside or trace.arrivals):
            return
        self._waiting.append((self.number, without_bytes(trace)))
        self._rows += len(trace.found) + len(trace.outside)
        if len(self._waiting) > MAX_WAITING or self._rows > MAX_ROWS:
            self._read()

    def _read(self) -> None:
        """Read the cells that wait."""
        while self._waiting:
            number, trace = self._waiting.popleft()
            for one in shifts(trace.outside):
                self._add(number, BETWEEN, one._replace(look=BEFORE))
            cell = RanCell(trace.cell.count, trace.own.plain)
            for one in moments_of(trace):
                self._add(number, cell, one)
        self._rows = 0
        while len(self._order) > MAX_MOMENTS:
            self._drop(self._order.popleft())

    def _add(self, number: int, cell: RanCell, moment: Moment) -> None:
        """Add a moment; what the path led to before it, if that was not known, came between the cells."""
        path, before = moment.path, moment.before
        steps = self._steps.setdefault(path, [])
        if not steps and before is not None:
            steps.append(self.untold(path, before, number, BEFORE))
        elif steps and moment.look != BEFORE and steps[-1].number < number and lie_apart(steps[-1].reading, before):
            steps.append(DatedMoment(number, BETWEEN, Moment(path, steps[-1].reading, before, BEFORE)))
        steps.append(DatedMoment(number, cell, moment))
        self._order.append(path)

    def untold(self, path: str, reading: Reading, number: int, look: int) -> DatedMoment:
        """Return what a path led to, if no moment tells it: so before the first cell, or since an unwatched one."""
        first = self._first.get(path) if self._first is not None else None
        if first is not None and not lie_apart(first, reading):
            return first_moment(path, reading)
        return DatedMoment(number, BETWEEN, Moment(path, None, reading, look))

    def _drop(self, path: str) -> None:
        """Drop the oldest moment of a path: what it led to since remains."""
        steps = self._steps[path]
        oldest = steps.pop(0) if len(steps) == 1 or not steps[0].is_first else steps.pop(1)
        if oldest.reading is not None:
            has_first = bool(steps) and steps[0].is_first
            steps[: int(has_first)] = [first_moment(path, oldest.reading)]
        elif not steps:
            del self._steps[path]

    def of(self, path: str, number: int) -> Iterator[DatedMoment]:
        """Return the moments of a path up to the cell with this number, in order."""
        self._read()
        return takewhile(lambda one: one.number <= number, self._steps.get(path, ()))

    def library(self, number: int) -> Library:
        """Return the functions and classes that the notebook had defined when a cell had ended."""
        count = bisect_right(self._sources, number, key=itemgetter(0))
        if self._library is None or self._library[0] != count:
            unread = self._sources[len(self._defined) : count]
            self._defined += [definitions_in(cell.plain, cell.execution or 0) for _, cell in unread]
            definitions = {name: one for several in self._defined[:count] for name, one in several.items()}
            self._library = count, Library(Notebook(definitions=definitions))
        return self._library[1]
