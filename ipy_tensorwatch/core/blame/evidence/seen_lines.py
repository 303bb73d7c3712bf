"""The lines inside functions that were seen to write, by statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...runtime.record import field, mutable
from ...syntax.magic_calls import runs_magic

if TYPE_CHECKING:
    from collections.abc import Collection

    from ...interpreter.inferred_lines import Inferred
    from ...records.report_parts import Inner
    from ...records.trace.evidence import Position
    from ...statements.statement import Statement
    from .cell_index import CellIndex


@mutable
class SeenLines:
    """Observed writes to one path; a line of None stands for the statement itself.

    Attributes
    ----------
    exact
        For each statement the lines that wrote.
    among
        For each statement the lines that may have written; None if they were not all seen.
    """

    cell: CellIndex
    exact: dict[int, dict[Inner | None, None]] = field(default_factory=dict)
    among: dict[int, set[Inner | None] | None] = field(default_factory=dict)

    def add(self, statement: Statement, positions: Collection[Position], *, certain: bool) -> None:
        """Record that a statement wrote, or may have written, at one of its own positions."""
        lines = {self._line(statement, one) for one in positions}
        if any(one.blind for one in positions) or (None in lines and runs_magic(statement.text)):
            self.among[statement.index] = None
        elif certain and len(lines) == 1:
            self.exact.setdefault(statement.index, {}).update(dict.fromkeys(lines))
        elif (known := self.among.setdefault(statement.index, set())) is not None:
            known.update(lines)

    def narrow(self, statement: Statement, candidates: tuple[Inferred, ...]) -> tuple[Inferred, ...]:
        """Return the inferred lines that were seen to write, or to run if no write was seen."""
        exact, among = self.exact.get(statement.index, {}), self.among.get(statement.index)
        if not exact and among is None:
            return candidates
        ran = {(one.cell, one.line) for one in (*exact, *(among or ())) if one}
        return tuple(one for one in candidates if (one.inner.cell, one.inner.line) in ran)

    def _line(self, statement: Statement, position: Position) -> Inner | None:
        """Return the line; None for a line of the statement itself, such as its comprehension or lambda."""
        inner = self.cell.line(position.place) if position.place else None
        if inner and inner.cell == self.cell.evidence.cell and statement.line <= inner.line <= statement.end_line:
            return None
        return inner
