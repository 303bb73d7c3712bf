"""Map autograd sequence numbers to the cells that built the nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class BuiltSpan(NamedTuple):
    """The sequence numbers `[first, end)` of the nodes that a cell built, with its count and plain source."""

    first: int
    end: int
    cell: int
    plain: str


@dataclass(frozen=True, slots=True)
class BuiltCells:
    """The spans of the watched cells, oldest first."""

    spans: tuple[BuiltSpan, ...] = ()

    def cell_of(self, sequence: int) -> int | None:
        """Return the cell that built a node; None if it was not watched."""
        return next((one.cell for one in reversed(self.spans) if one.first <= sequence < one.end), None)

    def plain_of(self, cell: int) -> str:
        """Return the plain source of a cell; empty if it was not watched."""
        return next((one.plain for one in reversed(self.spans) if one.cell == cell), "")
