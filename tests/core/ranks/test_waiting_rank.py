"""A hang is told from a cell that takes long."""

from __future__ import annotations

from dataclasses import replace

from ipy_tensorwatch.core.ranks.waiting_rank import WaitingRank, find_hang

BARRIER = WaitingRank(rank=0, line=4, text="dist.barrier()", seconds=3.0, collective="barrier")
LATER = replace(BARRIER, seconds=4.0)
OTHER = WaitingRank(rank=1, line=6, text="dist.all_reduce(x)", seconds=3.0, collective="all_reduce")


def test_a_rank_in_a_collective_while_others_have_ended_hangs():
    assert find_hang({0: BARRIER}, {0: LATER}, (1, 2, 3)) == (LATER,)


def test_ranks_in_different_collectives_hang():
    assert find_hang({0: BARRIER, 1: OTHER}, {0: LATER, 1: OTHER}, ()) == (LATER, OTHER)


def test_ranks_in_one_collective_only_take_long():
    both = {0: BARRIER, 1: replace(BARRIER, rank=1)}

    assert find_hang(both, both, ()) == ()


def test_ranks_that_move_or_compute_do_not_hang():
    moved, computing = replace(LATER, line=5), replace(OTHER, collective=None)

    assert find_hang({0: BARRIER}, {0: moved}, (1,)) == ()
    assert find_hang({}, {0: LATER}, (1,)) == ()
    assert find_hang({0: BARRIER, 1: computing}, {0: LATER, 1: computing}, (2,)) == ()
