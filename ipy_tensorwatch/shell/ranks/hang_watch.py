"""A thread of the client: while a cell hangs on the ranks, it says under the cell who waits where."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ...core.ranks.waiting_rank import WaitingRank, find_hang
from ...core.runtime.guard import GUARD
from .published_reports import read_waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from .engines import Engines

PAUSE = 0.5
APART = 2
"""How many looks lie between the two that are compared."""


class HangWatch(threading.Thread):
    """Looks at what the engines publish while a cell runs; it ends with `stop`, and tells each hang once."""

    def __init__(self, engines: Engines, tell: Callable[[tuple[WaitingRank, ...], tuple[int, ...]], None]) -> None:
        super().__init__(name="tensorwatch-hang", daemon=True)
        self._engines, self._tell = engines, tell
        self._over = threading.Event()
        self._looks: list[dict[int, WaitingRank]] = []

    def run(self) -> None:
        """Look until a hang was told, or the cell has ended."""
        while not self._over.wait(PAUSE):
            if GUARD.run_briefly("joining-ranks", self._look, default=False):
                return

    def stop(self) -> None:
        """End the thread."""
        self._over.set()

    def _look(self) -> bool:
        engines = self._engines
        now = waiting_ranks(engines)
        engines.places.update(now)
        self._looks = [*self._looks[-APART:], now]
        if engines.joined.difference(engines.ids):
            engines.note_gone()
            self._tell(tuple(now.values()), ())
        ended = tuple(sorted(set(engines.ranks.values()).difference(now)))
        is_told = len(now) == len(engines.open)  # each that has not ended has told where it is
        hang = find_hang(self._looks[0], now, ended) if is_told and len(self._looks) > APART else ()
        if hang:
            self._tell(hang, ended)
        return bool(hang)


def waiting_ranks(engines: Engines) -> dict[int, WaitingRank]:
    """Return where the ranks are that have not ended."""
    client: Any = engines.client
    known = [read_waiting(client.metadata[one]["data"]) for one in engines.open]
    return {one.rank: one for one in known if one is not None}
