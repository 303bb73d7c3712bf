"""A thread on an engine: while a cell takes long, it tells the client in which line this rank is."""

from __future__ import annotations

import threading
from time import perf_counter
from typing import TYPE_CHECKING

from ...capture.ranks.place_in_group import place_in_group
from ...capture.ranks.waiting_line import line_of_thread
from ...core.ranks.waiting_rank import WaitingRank
from ...core.runtime.guard import GUARD
from ..ipython.cell_sources import cell_of
from .published_reports import WAITING, publish

if TYPE_CHECKING:
    from ..watcher import Watcher

PATIENCE, PAUSE = 2.0, 0.5
"""After how many seconds a cell takes long, and how often it is looked at from then on."""


class WaitingTeller(threading.Thread):
    """Publishes where this rank is; it ends with `stop`, and never keeps the process alive."""

    def __init__(self, watcher: Watcher, engine: int) -> None:
        super().__init__(name="tensorwatch-waiting", daemon=True)
        self._watcher, self._engine = watcher, engine
        self._over = threading.Event()
        self._main = threading.main_thread().ident or 0

    def run(self) -> None:
        """Look at the running cell until asked to stop."""
        while not self._over.wait(PAUSE):
            GUARD.run_briefly("telling-client", self._tell, default=None)

    def stop(self) -> None:
        """End the thread."""
        self._over.set()

    def _tell(self) -> None:
        where = self.where()
        if where is not None and where.seconds > PATIENCE:
            publish(self._watcher.shell, WAITING, where)

    def where(self) -> WaitingRank | None:
        """Return where this rank is; None if no cell runs."""
        cell = next(iter(self._watcher.cells.others), None)
        if cell is None or not cell.began:
            return None
        shell = self._watcher.shell
        line, collective = line_of_thread(self._main, lambda name: cell_of(shell, name) is not None)
        lines = cell.plain.splitlines()
        rank, _ = _place() or (self._engine, 0)
        return WaitingRank(
            rank=rank,
            line=line + cell.offset if line else 0,
            text=lines[line - 1].strip() if 0 < line <= len(lines) else "",
            seconds=perf_counter() - cell.began,
            collective=collective,
        )


def _place() -> tuple[int, int] | None:
    try:
        return place_in_group()
    except (RuntimeError, ValueError):  # the group goes down in the main thread
        return None
