"""Where ranks wait while others may have ended, and whether they wait in vain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runtime.record import record

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


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


def find_hang(
    before: Mapping[int, WaitingRank], now: Mapping[int, WaitingRank], ended: Collection[int]
) -> tuple[WaitingRank, ...]:
    """Return the ranks that wait for others in vain, as far as two looks show; empty if they may only take long.

    Parameters
    ----------
    before, now
        Where the ranks were at two looks, a second or so apart.
    ended
        The ranks that do not run the cell any more.
    """
    stuck = [one for rank, one in now.items() if one.collective and _is_same(before.get(rank), one)]
    places = {(one.line, one.collective) for one in stuck}
    if not stuck or len(stuck) < len(now) or not (ended or len(places) > 1):
        return ()
    return tuple(sorted(stuck, key=lambda one: one.rank))


def _is_same(before: WaitingRank | None, now: WaitingRank) -> bool:
    return before is not None and (before.line, before.collective) == (now.line, now.collective)
