"""Which lines inside functions were seen to write, statement by statement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..syntax.magic_calls import runs_magic

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..interpreter.inferred_lines import Inferred
    from ..model.evidence import Position
    from ..model.records import Inner
    from ..statements.statement import Statement
    from .cell_index import CellIndex


@dataclass(slots=True)
class Sightings:
    """What was seen of the writes to one path; a line of None stands for the statement itself.

    Attributes
    ----------
    exact
        For each statement the lines that wrote.
    among
        For each statement the lines among which others are that wrote; None where those were not all seen.
    """

    cell: CellIndex
    exact: dict[int, dict[Inner | None, None]] = field(default_factory=dict)
    among: dict[int, set[Inner | None] | None] = field(default_factory=dict)

    def add(self, statement: Statement, positions: Collection[Position], *, certain: bool) -> None:
        """Note that a statement wrote, or may have, at one of these positions of its own."""
        lines = {self._line(statement, one) for one in positions}
        if any(one.blind for one in positions) or (None in lines and runs_magic(statement.text)):
            self.among[statement.index] = None
        elif certain and len(lines) == 1:
            self.exact.setdefault(statement.index, {}).update(dict.fromkeys(lines))
        elif (known := self.among.setdefault(statement.index, set())) is not None:
            known.update(lines)

    def narrow(self, statement: Statement, candidates: tuple[Inferred, ...]) -> tuple[Inferred, ...]:
        """Choose among inferred lines those that were seen to write, or to run where no more is known."""
        exact, among = self.exact.get(statement.index, {}), self.among.get(statement.index)
        if not exact and among is None:
            return candidates
        ran = {(one.cell, one.line) for one in (*exact, *(among or ())) if one}
        return tuple(one for one in candidates if (one.inner.cell, one.inner.line) in ran)

    def _line(self, statement: Statement, position: Position) -> Inner | None:
        """Tell the line, unless it is the statement's own: a comprehension or a lambda typed in it."""
        inner = self.cell.line(position.place) if position.place else None
        if inner and inner.cell == self.cell.evidence.cell and statement.line <= inner.line <= statement.end_line:
            return None
        return inner
