"""A log of the nodes that each cell built, and of the versions at which recorded writes happened."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from ..runtime.record import field, mutable

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..records.trace.cell_trace import CellTrace
    from ..records.trace.saved_tensor import Writing

MAX_CELLS = 1000
MAX_DATED = 10_000
MAX_CHARACTERS = 1 << 23
"""Maximum characters of source kept; the oldest cell goes first."""


class BuiltSpan(NamedTuple):
    """The sequence numbers `[first, end)` of the nodes that a cell built, with its count and plain source."""

    first: int
    end: int
    cell: int
    plain: str


@mutable
class NodeLog:
    """Maps sequence numbers of nodes to cells, and versions to writes.

    Attributes
    ----------
    spans
        The watched cells, oldest first.
    dated
        The writes that `%%tensordiff` recorded, by storage and by the version before the write.
    """

    spans: deque[BuiltSpan] = field(default_factory=deque)
    dated: dict[tuple[int, int], Writing] = field(default_factory=dict)
    _characters: int = 0

    def add(self, trace: CellTrace, alive: Collection[int]) -> None:
        """Add a cell; drop the oldest cells beyond `MAX_CHARACTERS` of source, and writes to storages that are gone."""
        first, end = trace.nodes
        self.spans.append(BuiltSpan(first, end, trace.cell.count, trace.own.plain))
        self._characters += len(trace.own.plain)
        while len(self.spans) > MAX_CELLS or (self._characters > MAX_CHARACTERS and len(self.spans) > 1):
            self._characters -= len(self.spans.popleft().plain)
        if trace.dated:
            self.dated = {**trace.dated, **{key: one for key, one in self.dated.items() if key[0] in alive}}
        for key in [*islice(self.dated, max(0, len(self.dated) - MAX_DATED))]:
            del self.dated[key]

    def cell_of(self, sequence: int) -> int | None:
        """Return the cell that built a node; None if it was not watched."""
        return next((one.cell for one in reversed(self.spans) if one.first <= sequence < one.end), None)

    def plain_of(self, cell: int) -> str:
        """Return the plain source of a cell; empty if it was not watched."""
        return next((one.plain for one in reversed(self.spans) if one.cell == cell), "")
