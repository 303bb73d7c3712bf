"""The feed of one rank, for a panel that the client shows: what it sends is kept until the client asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core.runtime.record import field, mutable
from ...panel.feed import Feed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...render.report import Report
    from ..watcher import Watcher


@mutable(eq=False)
class EnginePanel:
    """The feed of this rank; it begins with the first message of a page."""

    watcher: Watcher
    feed: Feed | None = None
    _told: list[tuple[dict[str, Any], bytes]] = field(default_factory=list)

    def hear(self, messages: Iterable[Mapping[str, Any]]) -> list[tuple[dict[str, Any], bytes]]:
        """Run the commands of a page; return what is to be sent to it since the last call."""
        if self.feed is None:
            self.feed = Feed(send=lambda head, body: self._told.append((head, body)), values_of=self.watcher.values_of)
            if self.watcher.report is not None:
                self.publish(self.watcher.report)
        for one in messages:
            self.feed.receive(one)
        told, self._told = self._told, []
        return told

    def publish(self, report: Report) -> None:
        """Tell a page of a cell, if any shows this rank."""
        if self.feed is not None:
            self.feed.publish(report, None)
