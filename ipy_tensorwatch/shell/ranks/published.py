"""What an engine publishes with the output of a cell, and what a client reads of it: no question has to be asked."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ...core.ranks.rank_report import RankReport
    from ...core.ranks.waiting_rank import WaitingRank

WAITING, CELL = "tensorwatch waiting", "tensorwatch cell "
"""The names of our messages among those that an engine publishes; the second is followed by the cell's number."""


def publish(shell: InteractiveShell, name: str, thing: object) -> None:
    """Publish a record with the output of the running cell, where the shell is one of an engine."""
    channel = getattr(getattr(shell, "data_pub", None), "publish_data", None)
    if channel is not None:
        channel({name: pickle.dumps(thing)})


def read_waiting(data: Any) -> WaitingRank | None:  # noqa: ANN401  (as an engine published it)
    """Return what an engine published of its wait; None if it published nothing."""
    return unpacked(data.get(WAITING)) if isinstance(data, dict) else None


def read_reports(data: Any) -> list[RankReport]:  # noqa: ANN401  (the same)
    """Return the reports of cells that an engine published."""
    found = [unpacked(data[one]) for one in data if one.startswith(CELL)] if isinstance(data, dict) else []
    return sorted(filter(None, found), key=lambda one: one.number)


def unpacked(packed: object) -> Any:  # noqa: ANN401
    """Return what an engine packed; None if it cannot be read."""
    try:
        return pickle.loads(packed) if isinstance(packed, bytes) and packed else None  # noqa: S301  (from our own engines)
    except Exception:  # noqa: BLE001  (an engine with other classes)
        return None
