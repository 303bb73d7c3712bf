"""The outcome of a cell, from IPython's result."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from ...core.blame.reasoning import Reasoning
from ...core.records.reason import Reason
from ...core.records.report_parts import Cell, Coverage, Unverified
from ...core.records.trace.cell_trace import CellTrace
from ...render.report import Report
from ..ipython.ipython_private import error_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult

    from ...core.records.report_parts import Status
    from ...core.records.snapshots.snapshot import Snapshot
    from .running_cell import RunningCell

ALL = "(all)"
"""Stands for all paths if none was compared."""


def status_of(result: ExecutionResult | None) -> Status:
    """Return "ok", "error", or "interrupted" if the cell raised a `KeyboardInterrupt`."""
    if result is None or result.success:
        return "ok"
    return "interrupted" if issubclass(type(error_of(result)), KeyboardInterrupt) else "error"


def record_of(cell: RunningCell, result: ExecutionResult | None, began: float) -> Cell:
    """Return the record of a watched cell, with what it has cost until now.

    Parameters
    ----------
    began
        When the cell ended and our own work began.
    """
    overhead = cell.overhead + cell.write_log.look_budget.spent + perf_counter() - began
    status, duration = status_of(result), began - cell.began
    return Cell(count=cell.count, source=cell.source, status=status, duration=duration, overhead=overhead)


def unwatched(count: int, result: ExecutionResult | None) -> Cell:
    """Return the record of a cell that ran unwatched; its times are 0."""
    source = (result.info.raw_cell or "") if result and result.info else ""
    return Cell(count=count, source=source, status=status_of(result), duration=0.0, overhead=0.0)


def report_nothing(cell: Cell, snapshot: Snapshot, coverage: Coverage) -> Report:
    """Return a report without changes or hazards, for a cell of which nothing is known."""
    trace = CellTrace(cell=cell, before=snapshot, after=snapshot, coverage=coverage)
    return Report(cell=cell, reasoning=Reasoning(trace))


def report_failure(cell: Cell, snapshot: Snapshot) -> Report:
    """Return a report without claims, for a cell that could not be observed."""
    unverified = (Unverified(path=ALL, why=Reason("own-error")),)
    coverage = Coverage(tensors=len(snapshot), bytes=0, verified_bytes=0, unverified=unverified)
    return report_nothing(cell, snapshot, coverage)
