"""A rank that has not ended while others may have: the line it is in, and the collective it waits for."""

from __future__ import annotations

from ..host.record import record


@record
class WaitingRank:
    """Where one rank is in a cell that takes long.

    Attributes
    ----------
    line, text
        The line of the cell, 0 if it is not known, and its text.
    seconds
        How long the cell has been running.
    collective
        The collective it is in, as `barrier`; None if it is in none.
    """

    rank: int
    line: int = 0
    text: str = ""
    seconds: float = 0.0
    collective: str | None = None
