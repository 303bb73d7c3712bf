"""The ranks in the client's panel: their rows, and the feed of the rank that a page shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core.runtime.record import field, mutable
from ...panel.rank_rows import tell_ranks
from .notebook_places import NotebookPlaces
from .registry import FEEDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...core.ranks.join_reports import JoinedRanks
    from ...panel.feed import Feed
    from .engines import Engines


@mutable(eq=False)
class RankPanel:
    """Leads messages between a page and the feeds of the ranks.

    Attributes
    ----------
    shown
        The ranks that a page shows.
    places
        Where their cells are in this notebook.
    """

    engines: Engines
    shown: set[int] = field(default_factory=set)
    places: NotebookPlaces = field(default_factory=NotebookPlaces)
    _waiting: dict[int, list[Mapping[str, Any]]] = field(default_factory=dict)

    def relay(self, rank: int, message: Mapping[str, Any]) -> None:
        """Lead a message of a page to a rank; while a cell runs there, it waits."""
        if message.get("kind") in ("hello", "want"):
            (self.shown.add if message.get("what") == "report" else self.shown.discard)(rank)
        self._waiting.setdefault(rank, []).append(message)
        self.exchange()

    def tell(self, joined: JoinedRanks | None) -> None:
        """Tell the pages of all ranks; None if they are joined no more."""
        for feed in _feeds():
            feed.show_ranks(tell_ranks(joined) if joined is not None else ())

    def exchange(self) -> None:
        """Hand the messages over that wait, and send the pages what the ranks that they show have to tell."""
        if self.engines.open:
            return
        numbers = {self.engines.ranks.get(one, one): one for one in self.engines.joined}
        asked = {rank: self._waiting.pop(rank, []) for rank in {*self._waiting, *self.shown}}
        told = self.engines.ask("panel", {numbers[rank]: (asked[rank],) for rank in asked if rank in numbers})
        for feed in _feeds():
            for rank, engine in numbers.items():
                feed.pass_on(rank, [self._placed(rank, *one) for one in told.get(engine, ())])

    def _placed(self, rank: int, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Add to a report where the cells of its rank are in the notebook."""
        return (head | {"places": self.places.of_rank(rank)} if head.get("kind") == "report" else head), body


def _feeds() -> list[Feed]:
    return [feed for one in FEEDS if (feed := one()) is not None]
