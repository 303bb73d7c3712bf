"""Cells that run at the same time, each in its own thread, as in the subshells of a kernel."""

from __future__ import annotations

import weakref
from threading import get_ident
from typing import TYPE_CHECKING

from ...core.runtime.record import field, mutable

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult

    from .running_cell import RunningCell


@mutable(eq=False)
class RunningCells:
    """The running cells, by thread.

    Attributes
    ----------
    depths
        The nesting depth of cells in each thread: a cell may run another.
    missed
        The threads whose cell runs unwatched because our hook failed.
    """

    depths: dict[int, int] = field(default_factory=dict)
    missed: set[int] = field(default_factory=set)
    _cells: dict[int, RunningCell] = field(default_factory=dict)
    _begun: dict[int, weakref.ref[ExecutionInfo]] = field(default_factory=dict)

    @property
    def mine(self) -> RunningCell | None:
        """The watched cell that runs in this thread, or None."""
        return self._cells.get(get_ident())

    @property
    def others(self) -> list[RunningCell]:
        """The watched cells that run in other threads."""
        mine = get_ident()
        return [cell for thread, cell in list(self._cells.items()) if thread != mine]

    @property
    def any_running(self) -> bool:
        """True if any thread runs a cell, watched or not."""
        return bool(self.depths)

    def is_over(self, last: ExecutionResult | None) -> bool:
        """Return whether this thread's cell has ended although our hook missed it, given the shell's last result."""
        begun = self._begun.get(get_ident())
        if begun is None or get_ident() not in self.depths:
            return False
        info = begun()
        return info is None or (last is not None and last.info is info)

    def forget(self) -> None:
        """Reset the nesting depth of this thread."""
        self.depths.pop(get_ident(), None)

    def enter(self, info: ExecutionInfo) -> bool:
        """Count a cell that begins in this thread; return True if it is not nested in another."""
        depth = self.depths.get(get_ident(), 0) + 1
        self.depths[get_ident()] = depth
        if depth == 1:
            self._begun[get_ident()] = weakref.ref(info)
        return depth == 1

    def leave(self) -> bool:
        """Count a cell that has ended in this thread; return True if it was not nested in another."""
        depth = self.depths.pop(get_ident(), 1) - 1
        if depth > 0:
            self.depths[get_ident()] = depth
        return depth <= 0

    def put(self, cell: RunningCell) -> None:
        """Register the cell of this thread; it and all running cells record that they overlap."""
        cell.beside = self.others
        for one in cell.beside:
            one.beside.append(cell)
        self._cells[get_ident()] = cell

    def miss(self) -> None:
        """Record that the cell of this thread runs unwatched."""
        self.missed.add(get_ident())

    def was_missed(self) -> bool:
        """Return whether the cell that ended in this thread ran unwatched, and clear the flag."""
        was = get_ident() in self.missed
        self.missed.discard(get_ident())
        return was

    def take(self) -> RunningCell | None:
        """Remove and return the cell that ended in this thread, or None."""
        return self._cells.pop(get_ident(), None)
