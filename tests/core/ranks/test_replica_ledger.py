"""Replicas that part and become one again; with what the ranks told written by hand."""

from __future__ import annotations

from dataclasses import replace

from ipy_tensorwatch.core.ranks.rank_report import RankReport
from ipy_tensorwatch.core.ranks.replica_ledger import Parting, ReplicaLedger
from ipy_tensorwatch.core.ranks.state_leaf import BranchKey, StateLeaf
from ipy_tensorwatch.core.records.report_parts import Cell

NET = BranchKey("net", "parameter")
BUFFERS = BranchKey("net", "buffer")
STATE = BranchKey("opt", "state")
LEAF = StateLeaf(path="net.w", digest=b"a", cause="optimizer", line=3, text="opt.step()", born=1)
OTHER = replace(LEAF, digest=b"b")


def told(number: int, world: int = 4) -> list[RankReport]:
    cell = Cell(count=number, source="", status="ok", duration=0.0, overhead=0.0)
    return [RankReport(rank=rank, engine=rank, world=world, number=number, cell=cell) for rank in range(4)]


def once_equal() -> ReplicaLedger:
    ledger = ReplicaLedger()
    ledger.note_all_equal(told(1))
    return ledger


def test_what_was_equal_and_differs_has_parted():
    ledger = once_equal()

    news = ledger.note_differing(NET, {"net.w": {(0, 1, 3): LEAF, (2,): OTHER}}, told(5))

    assert news == [Parting(ranks=(2,), cell=5, line=3, text="opt.step()", path="net.w")]


def test_it_is_told_once_until_it_is_one_again():
    ledger = once_equal()
    sides = {"net.w": {(0, 1, 3): LEAF, (2,): OTHER}}
    ledger.note_differing(NET, sides, told(5))

    assert ledger.note_differing(NET, sides, told(6)) == []
    assert ledger.note_equal([NET], told(7)) == (NET,)
    assert len(ledger.note_differing(NET, sides, told(8))) == 1


def test_state_that_is_averaged_again_and_again_is_no_news():
    ledger = once_equal()
    sides = {"net.w": {(0, 1, 3): LEAF, (2,): OTHER}}
    news = []
    for number in range(5, 15, 2):
        news.append(ledger.note_differing(NET, sides, told(number)))
        ledger.note_equal([NET], told(number + 1))

    assert [len(one) for one in news] == [1, 1, 0, 0, 0]


def test_what_never_was_equal_is_local():
    ledger = ReplicaLedger()

    assert ledger.note_differing(NET, {"net.w": {(0, 1, 3): LEAF, (2,): OTHER}}, told(5)) == []
    assert [(one.path, one.kind) for one in ledger.replicas()] == [("net", "local")]


def test_equal_gradients_show_that_parameters_are_meant_to_be_equal():
    ledger = ReplicaLedger()
    leaves = [replace(one, gradient=b"g", born_cell=1, born_line=2, born_text="net = Net()") for one in (LEAF, OTHER)]

    news = ledger.note_differing(NET, {"net.w": {(0, 1, 3): leaves[0], (2,): leaves[1]}}, told(5))

    assert news == [Parting(ranks=(2,), cell=1, line=2, text="net = Net()", path="net.w")]


def test_a_variable_that_was_bound_since_is_another():
    ledger = once_equal()
    sides = {(0, 1, 3): replace(LEAF, born=4), (2,): replace(OTHER, born=4)}

    assert ledger.note_differing(NET, {"net.w": sides}, told(5)) == []


def test_a_shard_and_a_buffer_that_its_module_changes_never_part():
    ledger = once_equal()
    shards = {(0, 1): replace(LEAF, is_shard=True), (2, 3): replace(OTHER, is_shard=True)}
    buffers = {
        (0, 1): replace(LEAF, path="net.m", cause="module"),
        (2, 3): replace(OTHER, path="net.m", cause="module"),
    }

    assert ledger.note_differing(NET, {"net.w": shards}, told(5)) == []
    assert ledger.note_differing(BUFFERS, {"net.m": buffers}, told(5)) == []
    assert {one.path: one.kind for one in ledger.replicas() if "." in one.path} == {"net.w": "shard", "net.m": "local"}


def test_without_a_group_ranks_may_train_apart_but_not_be_written_apart():
    alone = {"net.w": {(0,): LEAF, (1, 2, 3): OTHER}}
    written = {"net.w": {(0,): LEAF, (1, 2, 3): replace(OTHER, cause="direct")}}

    assert once_equal().note_differing(NET, alone, told(5, world=0)) == []
    assert len(once_equal().note_differing(NET, written, told(5, world=0))) == 1


def test_state_of_an_optimizer_that_some_ranks_lack_has_parted():
    ledger = once_equal()

    news = ledger.note_differing(STATE, {"opt.state[w]": {(0,): LEAF, (1, 2, 3): None}}, told(5))

    assert [one.ranks for one in news] == [(0,)]


def test_a_tensor_that_some_ranks_lack_is_local():
    assert once_equal().note_differing(NET, {"net.w": {(0,): LEAF, (1, 2, 3): None}}, told(5)) == []


def test_a_plain_tensor_that_was_equal_and_differs_has_parted():
    ledger = once_equal()
    key = BranchKey("ema", "plain")

    assert len(ledger.note_differing(key, {"net.w": {(0, 1, 3): LEAF, (2,): OTHER}}, told(5))) == 1


def test_a_plain_tensor_that_appeared_later_or_is_in_no_group_is_local():
    key = BranchKey("ema", "plain")
    late = {(0, 1, 3): replace(LEAF, born=5), (2,): replace(OTHER, born=5)}
    for several, world in ((late, 4), ({(0, 1, 3): LEAF, (2,): OTHER}, 0), ({(0, 1, 3): LEAF, (2,): None}, 4)):
        ledger = once_equal()
        assert ledger.note_differing(key, {"net.w": several}, told(5, world)) == []
        assert [one.kind for one in ledger.replicas() if one.path == "net.w"] == ["local"]


def test_a_parameter_that_was_replaced_is_compared_again_once_its_gradients_are_equal():
    ledger = once_equal()
    new, other = (replace(one, is_renewed=True, line=2, text="net.w = head()") for one in (LEAF, OTHER))
    sides = [{(0, 1, 3): new, (2,): other}, {(0, 1, 3): LEAF, (2,): OTHER}]
    trained = {(0, 1, 3): replace(LEAF, gradient=b"g"), (2,): replace(OTHER, gradient=b"g")}
    news = [ledger.note_differing(NET, {"net.w": one}, told(5 + place)) for place, one in enumerate((*sides, trained))]

    assert news == [[], [], [Parting(ranks=(2,), cell=5, line=2, text="net.w = head()", path="net.w")]]


def test_of_two_halves_the_same_one_differs_in_all_tensors():
    idle = {(0, 1): replace(LEAF, line=0, text=""), (2, 3): OTHER}
    both = {(0, 1): LEAF, (2, 3): OTHER}

    news = once_equal().note_differing(NET, {"net.a": both, "net.b": both, "net.c": idle}, told(5))
    alone = once_equal().note_differing(NET, {"net.c": idle}, told(5))

    assert [one.ranks for one in news] == [(2, 3)] * 3
    assert [one.ranks for one in alone] == [(0, 1)]
