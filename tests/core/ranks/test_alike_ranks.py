"""Ranks in rows: those that are alike share one, where all are or where they are many."""

from __future__ import annotations

from ipy_tensorwatch.core.ranks.alike_ranks import MAX_SINGLE, rows_of
from ipy_tensorwatch.core.ranks.join_reports import JoinedRanks, OnRanks
from ipy_tensorwatch.core.ranks.rank_report import MissingRank
from ipy_tensorwatch.core.ranks.replica_ledger import Parting, Replica
from ipy_tensorwatch.core.ranks.waiting_rank import WaitingRank
from ipy_tensorwatch.core.records.report_parts import Change
from ipy_tensorwatch.panel.rank_rows import tell_ranks

FOUR = (0, 1, 2, 3)


def silent(*ranks: int) -> OnRanks[Change]:
    return OnRanks(what=Change(path="x", kind="mutated", cause="alias", silent=True), ranks=ranks)


def parted(*ranks: int) -> Replica:
    parting = Parting(ranks=ranks, cell=7, line=2, text="opt.step()", path="net.w")
    return Replica(path="net.w", kind="replica", equal=False, ranks=FOUR, parted=parting)


def told(joined: JoinedRanks) -> list[str]:
    return [
        f"{one['label']}: " + "".join(part if isinstance(part, str) else part[0] for part in one["what"])
        for one in tell_ranks(joined)
    ]


def test_ranks_that_are_alike_share_one_row():
    assert told(JoinedRanks(ranks=FOUR)) == ["all 4 ranks: nothing silent"]
    assert told(JoinedRanks(ranks=FOUR, changes=(silent(*FOUR),))) == ["all 4 ranks: 1 silent change"]


def test_ranks_that_differ_have_a_row_each():
    joined = JoinedRanks(ranks=(0, 1, 2), changes=(silent(0, 1),), replicas=(parted(1),))

    assert told(joined) == [
        "rank 0: 1 silent change",
        "rank 1: 1 silent change · net.w differs since cell 7",
        "rank 2: nothing silent",
    ]


def test_of_many_ranks_those_that_are_alike_share_a_row():
    many = tuple(range(MAX_SINGLE + 1))

    assert [one.ranks for one in rows_of(JoinedRanks(ranks=many, replicas=(parted(3),)))] == [
        tuple(one for one in many if one != 3),
        (3,),
    ]


def test_a_rank_that_waits_or_is_missing_is_told_with_its_reason():
    waiting = WaitingRank(rank=1, line=4, text="dist.barrier()", seconds=3.0, collective="barrier")
    joined = JoinedRanks(ranks=(0, 1), waiting=(waiting,), missing=(MissingRank(rank=2, why="died"),))

    assert told(joined) == [
        "rank 0: nothing silent",
        "rank 1: waits in line 4: dist.barrier(), 3 s",
        "rank 2: its engine is gone",
    ]
    assert [one["rank"] for one in tell_ranks(joined)] == [0, 1, None]


def test_few_ranks_have_a_row_each_although_some_are_alike():
    assert told(JoinedRanks(ranks=FOUR, changes=(silent(0, 1),))) == [
        "rank 0: 1 silent change",
        "rank 1: 1 silent change",
        "rank 2: nothing silent",
        "rank 3: nothing silent",
    ]
