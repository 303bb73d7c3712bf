"""Ranks in words: which of them, why one is missing, how replicas parted, and who waits where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.runtime.grouped import grouped
from ..page import Line, clause, fill, join_words, words
from .quantities import counts_found, spell_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.ranks.alike_ranks import RankRow
    from ...core.ranks.rank_report import MissingRank
    from ...core.ranks.replica_ledger import Parting
    from ...core.ranks.waiting_rank import WaitingRank

MAX_RANKS = 8
_ABSENT = {
    "not-loaded": "tensorwatch cannot be loaded there",
    "other-version": "it has another version of tensorwatch",
    "died": "its engine is gone",
    "unreadable": "what it told cannot be read",
    "no-answer": "it does not answer",
}


def ranks_of(ranks: Sequence[int], total: int) -> str:
    """Say which of the ranks.

    Examples
    --------
    >>> ranks_of([0, 1, 2, 3], 4), ranks_of([1, 3], 4)
    ('on all 4', 'on 2 of 4: 1, 3')
    """
    return f"on all {total}" if len(ranks) == total else f"on {len(ranks):,} of {total:,}: {listed(ranks)}"


def listed(ranks: Sequence[int]) -> str:
    """List ranks, neighbours as a range.

    Examples
    --------
    >>> listed([0, 1, 2, 5]), listed([1, 2])
    ('0–2, 5', '1, 2')
    """
    runs: list[list[int]] = []
    for one in sorted(ranks):
        if runs and runs[-1][-1] == one - 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    texts = [f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]  # noqa: PLR2004
    more = f" and {len(texts) - MAX_RANKS:,} more" if len(texts) > MAX_RANKS else ""
    return ", ".join(texts[:MAX_RANKS]) + more


def why_missing(one: MissingRank) -> str:
    """Say why a rank tells nothing, and where it was last.

    Examples
    --------
    >>> from ipy_tensorwatch.core.ranks.rank_report import MissingRank
    >>> from ipy_tensorwatch.core.ranks.waiting_rank import WaitingRank
    >>> place = WaitingRank(rank=1, line=4, text="dist.all_reduce(x)", collective="all_reduce")
    >>> why_missing(MissingRank(rank=1, why="died", place=place))
    'its engine is gone; it was in line 4: dist.all_reduce(x)'
    """
    last = f"; it was in line {one.place.line}: {one.place.text}" if one.place and one.place.line else ""
    return _ABSENT[one.why] + (f": {one.detail}" if one.detail else "") + last


def missing_line(one: MissingRank) -> Line:
    """Name a rank that tells nothing."""
    return words(f"rank {one.rank} is missing: {why_missing(one)}")


def parting_line(parting: Parting, total: int, paths: Sequence[str]) -> Line:
    """Say how replicas parted.

    Examples
    --------
    >>> from ipy_tensorwatch.core.ranks.replica_ledger import Parting
    >>> one = Parting(ranks=(2,), cell=7, line=5, text="opt.step()", path="net.weight", max_abs=0.25)
    >>> str(parting_line(one, 4, ["net.weight", "net.bias"]))
    'net.weight and 1 more differ on 1 of 4: 2, max |Δ| 0.25, since cell 7, line 5: opt.step()'
    """
    size = "" if parting.max_abs is None else f", max |Δ| {spell_number(parting.max_abs)}"
    line = f", line {parting.line}" if parting.line else ""
    told = fill(
        "`{path}` {differ} {ranks}{size}, since cell {cell}{line}",
        path=paths[0],
        differ=f"and {len(paths) - 1:,} more differ" if len(paths) > 1 else "differs",
        ranks=ranks_of(parting.ranks, total),
        size=size,
        cell=str(parting.cell),
        line=line,
    )
    return told + clause(": `{it}`", parting.text)


def row_label(row: RankRow, total: int) -> str:
    """Name the ranks of a row.

    Examples
    --------
    >>> from ipy_tensorwatch.core.ranks.alike_ranks import RankRow
    >>> row_label(RankRow(ranks=(0, 1, 2)), 3), row_label(RankRow(ranks=(2,)), 3)
    ('all 3 ranks', 'rank 2')
    """
    return f"all {total:,} ranks" if 1 < total == len(row.ranks) else which_ranks(row.ranks)


def row_line(row: RankRow) -> Line:
    """Say what is to be said of the ranks of a row.

    Examples
    --------
    >>> from ipy_tensorwatch.core.ranks.alike_ranks import RankRow
    >>> str(row_line(RankRow(ranks=(0,), silent=2, hazards=1))), str(row_line(RankRow(ranks=(0,))))
    ('2 silent changes · 1 hazard', 'nothing silent')
    """
    if row.missing is not None:
        return words(why_missing(row.missing))
    if row.waiting is not None:
        return _place_line(row.waiting, row.waiting.seconds)
    told = [words(one) for one in counts_found(row.silent, row.hazards)]
    if row.partings:
        first, more = row.partings[0], len(row.partings) - 1
        verb = f"and {more:,} more differ" if more else "differs"
        told.append(fill("`{path}` {verb} since cell {cell}", path=first.path, verb=verb, cell=str(first.cell)))
    return join_words(told, " · ") if told else words("nothing silent")


def which_ranks(ranks: Sequence[int]) -> str:
    """Name some ranks.

    Examples
    --------
    >>> which_ranks([0]), which_ranks([1, 2, 3])
    ('rank 0', 'ranks 1–3')
    """
    return f"rank {ranks[0]}" if len(ranks) == 1 else f"ranks {listed(ranks)}"


def waiting_lines(waiting: Sequence[WaitingRank]) -> list[Line]:
    """Say where ranks wait, those in one line together.

    Examples
    --------
    >>> from ipy_tensorwatch.core.ranks.waiting_rank import WaitingRank
    >>> one = WaitingRank(rank=0, line=4, text="dist.barrier()", seconds=12.2, collective="barrier")
    >>> [str(line) for line in waiting_lines([one])]
    ['rank 0 waits in line 4: dist.barrier(), 12 s']
    """
    alike = grouped(waiting, lambda one: (one.line, one.text, one.collective))
    return [_waiting_line(several) for several in alike.values()]


def _waiting_line(several: Sequence[WaitingRank]) -> Line:
    first, is_one = several[0], len(several) == 1
    verb = ("waits" if is_one else "wait") if first.collective else ("is" if is_one else "are")
    ranks = which_ranks([one.rank for one in several])
    return words(f"{ranks} {verb} ") + _place_line(first, max(one.seconds for one in several), "")


def _place_line(one: WaitingRank, seconds: float, verb: str = "waits ") -> Line:
    """Say in which line a rank is, for how long, and in which collective."""
    told = words(verb if one.collective else "") + fill(
        "in line {line}: `{text}`, {seconds} s", line=str(one.line), text=one.text, seconds=f"{seconds:.0f}"
    )
    is_named = one.collective is None or one.collective in one.text
    return told if is_named else told + words(f", in {one.collective}")
