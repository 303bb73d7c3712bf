"""The changes of earlier cells, built from their traces on demand."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING

from ..runtime.record import field, mutable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..records.report_parts import Change
    from .reasoning import Reasoning

MAX_TRACES = 256
"""The number of traces kept; for older cells only the changes are kept."""
MAX_READINGS = 200_000
"""The number of readings in kept traces, the last trace excluded."""
MAX_BYTES = 1 << 26
"""The number of tensor bytes in kept traces, for counting changed elements on demand."""


@mutable
class _PastCell:
    count: int
    size: int
    reasoning: Reasoning | None
    nbytes: int = 0
    readings: int = 0
    changes: tuple[Change, ...] = ()

    def read(self) -> tuple[Change, ...]:
        """Build the changes and release the trace."""
        if self.reasoning is not None:
            told = self.reasoning.changes
            self.changes = tuple(one for one in told if one.kind not in ("bound", "unbound"))
            self.size, self.nbytes, self.readings, self.reasoning = len(self.changes), 0, 0, None
        return self.changes

    def let_go(self) -> None:
        """Release the bytes."""
        if self.reasoning is not None and self.nbytes:
            self.reasoning, self.nbytes = self.reasoning.without_bytes(), 0


@mutable
class PastChanges:
    """The latest changes with their cells' counts, oldest first; bindings and unbindings are left out.

    Attributes
    ----------
    limit
        How many changes are kept.
    """

    limit: int = 10_000
    _cells: deque[_PastCell] = field(default_factory=deque)
    _lazy: deque[_PastCell] = field(default_factory=deque)
    _total: int = 0  # at least the number of changes

    def __iter__(self) -> Iterator[tuple[int, Change]]:
        """Iterate over the changes."""
        every = [(cell.count, change) for cell in list(self._cells) for change in cell.read()]
        return islice(iter(every), max(0, len(every) - self.limit), None)

    def __len__(self) -> int:
        """Count the changes."""
        return sum(1 for _ in self)

    def add(self, reasoning: Reasoning, limit: int) -> None:
        """Add a cell and drop the oldest changes beyond the limit."""
        self.limit = limit
        size = reasoning.count_changes()
        if size:
            trace = reasoning.trace
            self._keep(_PastCell(trace.cell.count, size, reasoning, reasoning.nbytes, len(trace.after)))
        if self._total > limit:
            self._total = sum(one.size for one in self._cells)
        while len(self._cells) > 1 and self._total - self._cells[0].size >= limit:
            self._total -= self._cells.popleft().size

    def amend(self, reasoning: Reasoning, limit: int) -> None:
        """Replace a cell by the same one with more evidence; later cells stay behind it."""
        cell, later = reasoning.trace.cell, deque[_PastCell]()
        while self._cells and self._cells[-1].count >= cell.count:
            one = self._cells.pop()
            if one.reasoning is not None and one.reasoning.trace.cell is cell:
                self._total -= one.size
                self._lazy.remove(one)
                break
            later.appendleft(one)
        self.add(reasoning, limit)
        self._cells.extend(later)

    def _keep(self, cell: _PastCell) -> None:
        """Append a cell; build the changes of those whose traces are too many, and release bytes beyond the limit."""
        self._cells.append(cell)
        self._total += cell.size
        self._lazy.append(cell)
        if len(self._lazy) > MAX_TRACES:
            self._lazy.popleft().read()
        readings, nbytes = MAX_READINGS, MAX_BYTES
        for one in islice(reversed(self._lazy), 1, None):
            readings -= one.readings
            nbytes -= one.nbytes
            if readings < 0:
                one.read()
            elif nbytes < 0:
                one.let_go()

    def clear(self) -> None:
        """Forget all."""
        self._cells.clear()
        self._lazy.clear()
        self._total = 0
