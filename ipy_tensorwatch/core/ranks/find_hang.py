"""Tell a hang from a cell that takes long."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .waiting_rank import WaitingRank


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
