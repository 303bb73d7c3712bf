"""The ranks in rows: one for all while they are alike, one for each while they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runtime.record import record

if TYPE_CHECKING:
    from ..records.report_parts import Change
    from .join_reports import JoinedRanks, OnRanks
    from .rank_report import MissingRank
    from .replica_ledger import Parting
    from .waiting_rank import WaitingRank

MAX_SINGLE = 16
"""More ranks than these are not told one by one: those that are alike share a row."""


@record
class RankRow:
    """Ranks that are alike, and what is to be said of them.

    Attributes
    ----------
    silent, hazards
        How many silent changes and how many hazards they have.
    partings
        How they differ from most of the others.
    """

    ranks: tuple[int, ...]
    silent: int = 0
    hazards: int = 0
    partings: tuple[Parting, ...] = ()
    waiting: WaitingRank | None = None
    missing: MissingRank | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is to be said."""
        return not (self.silent or self.hazards or self.partings or self.waiting or self.missing)


def rows_of(joined: JoinedRanks) -> list[RankRow]:
    """Return the ranks of a cell in rows, those that are missing last."""
    present = [_row_of(joined, ranks) for ranks in _groups(joined)]
    return [*present, *(RankRow(ranks=(one.rank,), missing=one) for one in joined.missing)]


def _groups(joined: JoinedRanks) -> list[tuple[int, ...]]:
    """Group the ranks that are alike; return each rank alone if not all are, and they are few."""
    waiting = {one.rank: (one.line, one.collective) for one in joined.waiting}
    told = _silent(joined), joined.hazards, _partings(joined)
    ranks, alike = sorted({*joined.ranks, *waiting}), dict[object, list[int]]()
    for rank in ranks:
        have = [tuple(rank in one.ranks for one in several) for several in told]
        alike.setdefault((*have, waiting.get(rank)), []).append(rank)
    if len(alike) > 1 and len(ranks) <= MAX_SINGLE:
        return [(rank,) for rank in ranks]
    return sorted(map(tuple, alike.values()))


def _row_of(joined: JoinedRanks, ranks: tuple[int, ...]) -> RankRow:
    first = ranks[0]
    return RankRow(
        ranks=ranks,
        silent=sum(first in one.ranks for one in _silent(joined)),
        hazards=sum(first in one.ranks for one in joined.hazards),
        partings=tuple(one for one in _partings(joined) if first in one.ranks),
        waiting=next((one for one in joined.waiting if one.rank == first), None),
    )


def _silent(joined: JoinedRanks) -> list[OnRanks[Change]]:
    return [one for one in joined.changes if one.what.silent]


def _partings(joined: JoinedRanks) -> list[Parting]:
    return [one.parted for one in joined.replicas if one.parted]
