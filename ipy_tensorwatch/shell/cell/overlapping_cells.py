"""The cells that run at the same time: each in a thread of its own, as the subshells of a kernel run them."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from threading import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult

    from .running_cell import RunningCell


@dataclass(slots=True, eq=False)
class RunningCells:
    """The cells on their way, by the thread that runs them.

    Attributes
    ----------
    depths
        How many cells have begun in each thread: a cell may run another.
    missed
        The threads whose cell could not be taken up.
    """

    depths: dict[int, int] = field(default_factory=dict)
    missed: set[int] = field(default_factory=set)
    _cells: dict[int, RunningCell] = field(default_factory=dict)
    _begun: dict[int, weakref.ref[ExecutionInfo]] = field(default_factory=dict)

    @property
    def mine(self) -> RunningCell | None:
        """The cell of this thread that runs under watch."""
        return self._cells.get(get_ident())

    @property
    def others(self) -> list[RunningCell]:
        """The cells of other threads that run under watch."""
        mine = get_ident()
        return [cell for thread, cell in list(self._cells.items()) if thread != mine]

    @property
    def any_running(self) -> bool:
        """Whether any thread runs a cell, watched or not."""
        return bool(self.depths)

    def is_over(self, last: ExecutionResult | None) -> bool:
        """Tell whether the cell that this thread has begun has ended, given what the shell ran last."""
        begun = self._begun.get(get_ident())
        if begun is None or get_ident() not in self.depths:
            return False
        info = begun()
        return info is None or (last is not None and last.info is info)

    def forget(self) -> None:
        """Count no cell of this thread any more."""
        self.depths.pop(get_ident(), None)

    def enter(self, info: ExecutionInfo) -> bool:
        """Count a cell that begins in this thread; tell whether it is no part of another."""
        depth = self.depths.get(get_ident(), 0) + 1
        self.depths[get_ident()] = depth
        if depth == 1:
            self._begun[get_ident()] = weakref.ref(info)
        return depth == 1

    def leave(self) -> bool:
        """Count a cell that has ended in this thread; tell whether it was no part of another."""
        depth = self.depths.pop(get_ident(), 1) - 1
        if depth > 0:
            self.depths[get_ident()] = depth
        return depth <= 0

    def put(self, cell: RunningCell) -> None:
        """Note the cell of this thread; it and those that run beside it know that they overlap."""
        cell.beside = self.others
        for one in cell.beside:
            one.beside.append(cell)
        self._cells[get_ident()] = cell

    def miss(self) -> None:
        """Note that the cell of this thread runs without us."""
        self.missed.add(get_ident())

    def was_missed(self) -> bool:
        """Whether the cell of this thread, which has ended, ran without us; asked once."""
        was = get_ident() in self.missed
        self.missed.discard(get_ident())
        return was

    def take(self) -> RunningCell | None:
        """Return the cell of this thread, which has ended."""
        return self._cells.pop(get_ident(), None)
