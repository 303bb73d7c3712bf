"""What an engine publishes with the output of a cell: the client reads it there, and asks for nothing."""

from __future__ import annotations

import pickle
from collections import deque
from typing import TYPE_CHECKING, Any

from ...core.runtime.record import field, mutable

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from ...core.ranks.rank_report import RankReport
    from ...core.ranks.waiting_rank import WaitingRank

WAITING, CELL = "tensorwatch waiting", "tensorwatch cell "
"""Our messages among those that an engine publishes; the second is followed by the cell's number."""
MAX_MESSAGES = 1 << 14
"""Of how many messages a client reads what was published with them; it asks for the rest."""


def publish(shell: InteractiveShell, name: str, thing: object) -> None:
    """Publish a record with the output of the running cell, where the shell is one of an engine."""
    channel = getattr(getattr(shell, "data_pub", None), "publish_data", None)
    if channel is not None:
        channel({name: pickle.dumps(thing)})


def read_waiting(data: Any) -> WaitingRank | None:  # noqa: ANN401  (as an engine published it)
    """Return what an engine published of its wait; None if it published nothing."""
    return unpacked(data.get(WAITING)) if isinstance(data, dict) else None


def unpacked(packed: object) -> Any:  # noqa: ANN401
    """Return what an engine packed; None if it cannot be read."""
    try:
        return pickle.loads(packed) if isinstance(packed, bytes) and packed else None  # noqa: S301  (from our own engines)
    except Exception:  # noqa: BLE001  (an engine with other classes)
        return None


@mutable(eq=False)
class MetadataMaker:
    """Makes the records of a client's messages as the client does, and shows them to those who read them.

    A client forgets the record of a message as soon as its output is complete.
    """

    make: Callable[[], Any]
    readers: list[PublishedReports] = field(default_factory=list)

    def __call__(self) -> Any:  # noqa: ANN401
        """Return a new record."""
        made = self.make()
        for one in self.readers:
            one.messages.append(made["data"])
        return made


@mutable(eq=False)
class PublishedReports:
    """What the engines published with the messages of a client since it was last read."""

    messages: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MAX_MESSAGES))

    def attach(self, client: Any) -> None:  # noqa: ANN401  (a client of ipyparallel)
        """Begin to see the messages of a client."""
        maker = client.metadata.default_factory
        if not isinstance(maker, MetadataMaker):
            maker = client.metadata.default_factory = MetadataMaker(maker)
        maker.readers.append(self)

    def detach(self, client: Any) -> None:  # noqa: ANN401
        """See them no more; whoever is last leaves the client as it was."""
        maker = client.metadata.default_factory
        if isinstance(maker, MetadataMaker) and self in maker.readers:
            maker.readers.remove(self)
            if not maker.readers:
                client.metadata.default_factory = maker.make
        self.messages.clear()

    def read(self) -> dict[int, list[RankReport]]:
        """Return what was published since the last call, by engine, in the order of the cells."""
        found: dict[int, list[RankReport]] = {}
        messages = [self.messages.popleft() for _ in range(len(self.messages))]
        for data in messages:
            for name in [one for one in list(data) if isinstance(one, str) and one.startswith(CELL)]:
                report = unpacked(data[name])
                if report is not None:
                    found.setdefault(report.engine, []).append(report)
        return {engine: sorted(several, key=lambda one: one.number) for engine, several in found.items()}
