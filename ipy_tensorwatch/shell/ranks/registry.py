"""Where the extension and the ranks of a cluster find each other; the rest is imported when there is a cluster."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Protocol

from ...core.runtime.guard import GUARD
from ...core.runtime.record import mutable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...panel.feed import Feed
    from ...render.report import Report
    from ..watcher import Watcher


class RankTeller(Protocol):
    """What tells clients of each cell: an `EngineSide`."""

    def tell(self, report: Report) -> bool:
        """Keep what a cell did for the clients; return False if there is none."""

    def close(self) -> None:
        """Tell nobody any more."""


@mutable(eq=False)
class OwnRank:
    """The process as a rank that clients may join.

    Attributes
    ----------
    side
        None before the first client.
    """

    watcher: Watcher
    version: str
    side: RankTeller | None = None

    def tell(self, report: Report) -> bool:
        """Keep what a cell did for the clients; return False if there is none."""
        return self.side is not None and self.side.tell(report)

    def close(self) -> None:
        """Tell nobody any more."""
        if self.side is not None:
            self.side.close()


HERE: list[OwnRank] = []
"""This process, while the extension is loaded."""
WATCHED: list[Any] = []
"""The clusters, each a `Ranks`, that are watched from this process."""
FEEDS: list[Callable[[], Feed | None]] = []
"""Where the panel of this process is, if there is one."""


def relay_to_rank(rank: int, message: Mapping[str, Any]) -> None:
    """Lead a message of a page to a rank of the cluster that was joined last."""
    if WATCHED:
        GUARD.run("joining-ranks", WATCHED[-1].panel.relay, rank, message, default=None)


@cache
def own_version() -> str:
    """Return the version of this package that is installed; empty if none is."""
    try:
        return version("ipy-tensorwatch")
    except PackageNotFoundError:
        return ""
