"""Which cell built which nodes of graphs: nodes are numbered as they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class BuiltSpan(NamedTuple):
    """The numbers of the nodes that a cell built, from `first` up to `end`, with its count and its plain source."""

    first: int
    end: int
    cell: int
    plain: str


@dataclass(frozen=True, slots=True)
class BuiltCells:
    """The spans of the cells that were watched, the oldest first."""

    spans: tuple[BuiltSpan, ...] = ()

    def cell_of(self, sequence: int) -> int | None:
        """Find the cell that built a node; None where it was not watched."""
        return next((one.cell for one in reversed(self.spans) if one.first <= sequence < one.end), None)

    def plain_of(self, cell: int) -> str:
        """Return the source of a cell, empty where it was not watched."""
        return next((one.plain for one in reversed(self.spans) if one.cell == cell), "")
