"""The block under a cell that ran on many ranks, and the page of `%tensorwatch ranks`."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from ...core.runtime.grouped import grouped
from ..page import Line, Page, PagePart, Row, Table, code, fill, words
from ..wording.changes.phrases import amount, how
from ..wording.changes.sites import line_of, site_text
from ..wording.hazards.hazard_sentences import hazard_lines
from ..wording.quantities import count_of, counts_found
from ..wording.rank_sentences import listed, missing_line, parting_line, ranks_of, waiting_lines, which_ranks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...core.ranks.join_reports import JoinedRanks, OnRanks
    from ...core.ranks.rank_report import MissingRank
    from ...core.ranks.replica_ledger import Parting
    from ...core.ranks.waiting_rank import WaitingRank
    from ...core.records.report_parts import Change

MAX_LINES = 8
MAX_HAZARDS = 4
COLUMNS = ("tensor", "what happened", "where", "statement", "how much", "ranks")


def summarize_ranks(
    joined: JoinedRanks,
    missing: Sequence[MissingRank] = (),
    partings: Sequence[Parting] = (),
    united: Sequence[str] = (),
) -> Page | None:
    """Show what is silent, hazardous, parted or missing; None if nothing is.

    Parameters
    ----------
    united
        The variables whose replicas are equal again.
    """
    parts: list[PagePart] = [*_parting_lines(partings, len(joined.ranks)), *_parts(joined)]
    parts += [
        fill("`{name}` is equal {ranks} again", name=one, ranks=ranks_of(joined.ranks, len(joined.ranks)))
        for one in united
    ]
    parts += map(missing_line, missing)
    return Page(head=_head(joined), parts=tuple(parts)) if parts else None


def show_ranks(joined: JoinedRanks) -> Page:
    """Show the ranks, and what the last cell did on them."""
    silent = tuple(one for one in joined.changes if one.what.silent)
    parts: list[PagePart] = [words(f"ranks: {listed(joined.ranks)}")] if joined.ranks else [words("no rank answers")]
    partings = [one.parted for one in joined.replicas if one.parted]
    parts += [
        *_parting_lines(partings, len(joined.ranks)),
        *_parts(joined, silent),
        *map(missing_line, joined.missing),
        *waiting_lines(joined.waiting),
    ]
    return Page(head=_head(joined), parts=tuple(parts))


def show_waiting(waiting: Sequence[WaitingRank], ended: Sequence[int], missing: Sequence[MissingRank]) -> Page:
    """Say who waits where while a cell hangs, and who is missing."""
    lines = [*waiting_lines(waiting)]
    if ended:
        lines.append(words(f"{which_ranks(ended)} {'has' if len(ended) == 1 else 'have'} ended"))
    lines += map(missing_line, missing)
    return Page(head=f"tensorwatch  ranks  {'waiting' if waiting else 'missing'}", parts=tuple(lines))


def show_left(count: int) -> Page:
    """Say that the ranks are joined no more."""
    line = "each rank shows its own block again" if count else "no cluster was joined"
    return Page(head="tensorwatch  ranks  off", parts=(words(line),))


def _head(joined: JoinedRanks) -> str:
    counts = counts_found(sum(one.what.silent for one in joined.changes), len(joined.hazards))
    cell = f"  [{joined.cell.count}]" if joined.cell else ""
    return " · ".join((f"tensorwatch{cell}  {count_of(len(joined.ranks), 'rank')}", *counts))


def _parts(joined: JoinedRanks, changes: tuple[OnRanks[Change], ...] | None = None) -> Iterator[PagePart]:
    total = len(joined.ranks)
    several = joined.changes if changes is None else changes
    if several:
        yield Table(
            caption="Silent changes",
            head=COLUMNS,
            rows=tuple(Row(cells=_cells(one, total), silent=True) for one in several[:MAX_LINES]),
            bare=True,
            more=f"… and {len(several) - MAX_LINES:,} more: %tensorwatch ranks" if len(several) > MAX_LINES else "",
        )
    for ranks, hazards in grouped(joined.hazards, attrgetter("ranks")).items():
        yield words(f"{ranks_of(ranks, total)}:")
        yield from hazard_lines([one.what for one in hazards], MAX_HAZARDS)


def _parting_lines(partings: Sequence[Parting], total: int) -> Iterator[Line]:
    """Say how replicas parted, those by one statement together."""
    for several in grouped(partings, lambda one: (one.ranks, one.cell, one.line, one.text)).values():
        yield parting_line(several[0], total, [one.path for one in several])


def _cells(one: OnRanks[Change], total: int) -> tuple[Line, ...]:
    change = one.what
    return (
        code(change.path),
        how(change),
        line_of(change),
        site_text(change),
        amount(change),
        words(ranks_of(one.ranks, total)),
    )
