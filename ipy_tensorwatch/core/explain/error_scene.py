"""An error with the reasoning about its cell: the input of all explanations of errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..blame.evidence.statement_timeline import Timeline
from ..hazards.error_facts import Raised
from ..records.report_parts import Change, Site
from ..records.typed_line import TypedLine
from ..runtime.record import record
from .error_messages import BACKWARD, ErrorMessage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..blame.reasoning import Reasoning
    from ..hazards.standing_hazards import Standing
    from ..records.trace.cell_error import CellError, ErrorFrame
    from .node_log import NodeLog


@record
class ErrorScene:
    """A cell that raised.

    Attributes
    ----------
    standing
        The hazards after the cell.
    history
        The changes of all cells, each with its cell's execution count.
    built
        The nodes that the cells built.
    """

    error: CellError
    error_message: ErrorMessage
    reasoning: Reasoning
    standing: Standing
    history: Iterable[tuple[int, Change]]
    built: NodeLog

    @property
    def count(self) -> int:
        """The execution count of the cell that raised."""
        return self.reasoning.own.evidence.cell

    def timeline(self, cell: int) -> Timeline:
        """Return when the statements of a cell ran, if known."""
        known = self.reasoning.own.timeline if cell == self.count else self.standing.built.get(cell)
        return known or Timeline(self.built.plain_of(cell), ())

    @property
    def own(self) -> ErrorFrame | None:
        """The frame of the cell itself; None if its statement was not found."""
        inner = (one for one in self.error.frames if one.inner and one.inner.cell == self.count and one.is_cell)
        return next(inner, None)

    @property
    def raised(self) -> Raised:
        """The user's innermost statement; for an error in backward, the statement that called backward."""
        runs_backward = (one for one in self.error.frames if one.runs_backward)
        found = runs_backward if self.error_message.trouble in BACKWARD else iter(())
        frame = next(found, next(iter(self.error.frames), None))
        if frame is None:
            return Raised()
        is_own = self.own is not None and frame.inner is not None and frame.inner == self.own.inner
        return Raised(statement=statement_of(frame), is_elsewhere=not is_own, root=frame.root)

    @property
    def site(self) -> Site | None:
        """The cell's own statement, with the innermost notebook line that it led to."""
        own = self.own
        if own is None or own.inner is None:
            return None
        line = own.inner.line
        inner = next((one.inner for one in self.error.frames if one.inner is not None), None)
        end = line + own.end_line - own.line
        return Site(line=line, end_line=end, text=own.text, inner=None if inner == own.inner else inner)


def statement_of(frame: ErrorFrame) -> TypedLine:
    """Return a frame's statement with its cell or file, and line."""
    if frame.inner is None:
        return TypedLine(line=frame.line, text=frame.text, file=frame.file)
    return TypedLine(line=frame.inner.line, text=frame.text, cell=frame.inner.cell)
