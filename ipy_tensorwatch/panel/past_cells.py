"""Earlier cells: the changes of each, and the timeline's mark for each variable."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

from ..core.runtime.record import field, mutable, record
from ..core.syntax.parsing import parse_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..core.hazards.hazard import Turn
    from ..core.records.report_parts import Cell, Change
    from ..render.report import Report

TimelineMark = Literal["silent", "written", "rebound", "created", "gone"]

MAX_CELLS = 300
MAX_KEPT = 20_000
MAX_REPORTS = 20
"""How many reports with silent changes or hazards are kept, from which fixes are computed when they are asked for."""

_ORDER: tuple[TimelineMark, ...] = ("silent", "written", "rebound", "created", "gone")
_MARKS: Mapping[str, TimelineMark] = {"mutated": "written", "rebound": "rebound", "bound": "created", "unbound": "gone"}


@record(eq=False)
class PastCell:
    """One earlier cell.

    Attributes
    ----------
    id
        The notebook's id of the cell, if the front end sent it.
    marks
        The most important mark of each variable.
    """

    cell: Cell
    id: str | None
    changes: tuple[Change, ...]
    turns: tuple[Turn, ...]
    marks: Mapping[str, TimelineMark]

    @property
    def weight(self) -> int:
        """The number of records that it keeps."""
        return len(self.changes) + len(self.turns)


@mutable
class PastCells:
    """The latest cells, oldest first: at most `MAX_CELLS`, and about `MAX_KEPT` records in all."""

    cells: deque[PastCell] = field(default_factory=deque)
    _kept: int = 0
    _reports: deque[Report] = field(default_factory=lambda: deque(maxlen=MAX_REPORTS))

    def add(self, report: Report, cell_id: str | None) -> None:
        """Add a cell, and drop the oldest ones beyond the limits."""
        one = PastCell(cell=report.cell, id=cell_id, changes=report.changes, turns=report.turns, marks=marks(report))
        self.cells.append(one)
        if report.silent or report.hazards:
            self._reports.append(report)
        self._kept += one.weight
        while len(self.cells) > MAX_CELLS or (self._kept > MAX_KEPT and len(self.cells) > 1):
            self._kept -= self.cells.popleft().weight

    def since(self, known: PastCell | None) -> list[PastCell]:
        """Return the cells after a known one; all if it is None or not kept any more."""
        cells = [*self.cells]
        return cells[cells.index(known) + 1 :] if known in cells else cells

    def find(self, count: object) -> PastCell | None:
        """Return the latest cell with this execution count, or None."""
        return next((one for one in reversed(self.cells) if one.cell.count == count), None)

    def report_of(self, one: PastCell) -> Report | None:
        """Return the report of a cell, which knows its fixes; None if it is not kept any more."""
        return next((report for report in self._reports if report.cell is one.cell), None)

    def of_path(self, path: str) -> Iterator[tuple[PastCell, Change | Turn]]:
        """Yield the changes of one path, and the turns of its hazards, oldest first."""
        for one in self.cells:
            yield from ((one, change) for change in one.changes if change.path == path)
            yield from ((one, turn) for turn in one.turns if path in turn.hazard.paths)


def marks(report: Report) -> dict[str, TimelineMark]:
    """Return the most important mark of each variable, over all paths below it.

    A container that lost one of its tensors is not marked as gone.
    """
    found: dict[str, TimelineMark] = {}
    for change in report.changes:
        mark = "silent" if change.silent else _MARKS.get(change.kind)
        root = parse_path(change.path).root
        if mark == "gone" and root in report.snapshot.scenes:
            continue
        if mark and (root not in found or _ORDER.index(mark) < _ORDER.index(found[root])):
            found[root] = mark
    return found
