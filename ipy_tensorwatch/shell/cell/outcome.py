"""What became of a cell, as IPython tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.blame.reasoning import Reasoning
from ...core.model.cell_trace import CellTrace
from ...core.model.records import Cell
from ...render.report import Report
from ..ipython.ipython_private import error_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult

    from ...core.model.records import Coverage, Status
    from ...core.model.snapshot import Snapshot


def status_of(result: ExecutionResult | None) -> Status:
    """Tell whether a cell ran to its end, raised an error or was interrupted."""
    if result is None or result.success:
        return "ok"
    return "interrupted" if issubclass(type(error_of(result)), KeyboardInterrupt) else "error"


def unwatched(count: int, result: ExecutionResult | None) -> Cell:
    """Describe a cell that ran without us."""
    source = (result.info.raw_cell or "") if result and result.info else ""
    return Cell(count=count, source=source, status=status_of(result), duration=0.0, overhead=0.0)


def report_nothing(cell: Cell, snapshot: Snapshot, coverage: Coverage) -> Report:
    """Report a cell of which nothing is claimed."""
    trace = CellTrace(cell=cell, before=snapshot, after=snapshot, coverage=coverage)
    return Report(cell=cell, reasoning=Reasoning(trace))
