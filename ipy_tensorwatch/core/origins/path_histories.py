"""The session's record of what each path led to, and since which statements."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from ..interpreter.cell_definitions import definitions_in
from ..interpreter.source_index import Library
from ..model.notebook import Notebook
from ..syntax.parsing import may_define
from .moments import Moment, moments_of, shifts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..model.cell_trace import CellTrace
    from ..model.differences import Found
    from ..model.reading import Reading

MAX_MOMENTS = 100_000
"""How many moments are kept; the oldest go first."""


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


@dataclass(slots=True, eq=False)
class PathHistories:
    """What each path led to, since which statements of which cell; plain values, the latest moments only.

    Attributes
    ----------
    number
        How many cells, and looks between cells, have been added.
    """

    number: int = 0
    _sources: list[tuple[int, RanCell]] = field(default_factory=list)
    _steps: dict[str, list[DatedMoment]] = field(default_factory=dict)
    _library: tuple[int, Library] | None = None
    _order: deque[str] = field(default_factory=deque)

    def add(self, trace: CellTrace) -> None:
        """Add a cell, and what happened before it."""
        self.add_between(trace.outside)
        cell = RanCell(trace.cell.count, trace.own.plain)
        self._add(cell, moments_of(trace))
        if may_define(cell.plain):
            self._sources.append((self.number, cell))

    def add_between(self, found: Sequence[Found]) -> None:
        """Add what was found between two cells: no statement of a watched cell did it."""
        self._add(BETWEEN, shifts(found))

    def _add(self, cell: RanCell, moments: Iterable[Moment]) -> None:
        self.number += 1
        for one in moments:
            steps = self._steps.setdefault(one.path, [])
            if not steps and one.before is not None:
                steps.append(first_moment(one.path, one.before))
            steps.append(DatedMoment(self.number, cell, one))
            self._order.append(one.path)
        while len(self._order) > MAX_MOMENTS:
            self._drop(self._order.popleft())

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
        return takewhile(lambda one: one.number <= number, self._steps.get(path, ()))

    def library(self, number: int) -> Library:
        """Return the functions and classes that the notebook had defined when a cell had ended."""
        sources = [cell for added, cell in self._sources if added <= number]
        if self._library is None or self._library[0] != len(sources):
            found = (definitions_in(one.plain, one.execution or 0) for one in sources)
            definitions = {name: one for several in found for name, one in several.items()}
            self._library = len(sources), Library(Notebook(definitions=definitions))
        return self._library[1]
