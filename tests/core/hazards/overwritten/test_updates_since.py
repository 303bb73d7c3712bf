"""Which leaves were updated since a result was computed, over cells and within one."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame.evidence.statement_timeline import Timeline
from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards.overwritten.updates_since import (
    has_run_backward,
    is_stale,
    is_update,
    remember_updates,
)
from ipy_tensorwatch.core.hazards.standing_hazards import Standing, Updated
from ipy_tensorwatch.core.records.trace.evidence import OptimizerStep
from ipy_tensorwatch.core.records.trace.graph_state import GraphState
from ipy_tensorwatch.core.records.trace.saved_tensor import RootOrigin
from tests.support.records import reading, site
from tests.support.traces import make_trace

BUILT = {3: Timeline("opt.step()\nloss = f()\nstep()", ((4, 0), (4, 1), (9, 2)))}
ALIVE = GraphState(cells=frozenset((2, 3)))


def updated(cell: int, *storages: int, line: tuple[int, str] | None = None) -> Updated:
    return Updated(cell=cell, storages=frozenset(storages), lines=frozenset((line,) if line else ()))


def origin(*leaves: int) -> RootOrigin:
    return RootOrigin(cell=3, sequence=8, leaves=frozenset(leaves))


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        ((updated(4, 1, 2),), True),
        ((updated(4, 1), updated(5, 2)), True),
        ((updated(4, 1),), False),
        ((updated(2, 1, 2),), False),
        ((updated(3, 1, 2, line=(3, "step()")),), True),
        ((updated(3, 1, 2, line=(1, "opt.step()")),), False),
        ((updated(3, 1, 2),), True),
        ((), False),
    ],
)
def test_a_result_is_old_where_all_its_leaves_were_updated_after_it(updates, expected: bool):
    assert expected is is_stale(origin(1, 2), Standing(built=BUILT, updated=updates))


def test_a_leaf_that_is_not_watched_cannot_be_known_to_be_updated():
    assert not is_stale(origin(0, 1), Standing(updated=(updated(4, 1),)))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [({}, False), ({"loss": 2}, False), ({"loss": 4}, True), ({"other": 4}, False), ({"loss": 3}, True)],
)
def test_a_backward_of_a_result_ran_since_it_was_computed(cells, expected: bool):
    built = {3: Timeline("loss = f()\nloss.backward()", ((8, 0), (9, 1)))}
    assert expected is has_run_backward("loss", origin(1), Standing(built=built, backwards=cells))


def test_a_result_that_was_computed_again_after_its_backward_had_none():
    built = {3: Timeline("loss.backward()\nloss = f()", ((4, 0), (8, 1)))}
    assert not has_run_backward("loss", origin(1), Standing(built=built, backwards={"loss": 3}))


LEAVES = {"w": reading(1, 1, requires_grad=True), "v": reading(2, 2)}


def updates(plain: str, *known: Updated, alive: GraphState = ALIVE, **more):
    return remember_updates(Reasoning(make_trace(plain, LEAVES, graphs=alive, **more)), known)


def test_steps_and_updates_by_gradient_are_remembered_and_other_writes_are_not():
    step = OptimizerStep(statement=0, storages=frozenset((1,)))

    assert (updated(3, 1, line=(1, "opt.step()")),) == updates("opt.step()", changed=("w",), steps=(step,))
    assert (updated(3, 1, line=(1, "w -= w.grad")),) == updates("w -= w.grad", changed=("w",))
    assert () == updates("w.zero_()\nv.add_(1)", changed=("w", "v"))


def test_only_updates_since_the_oldest_live_graph_are_kept_each_the_latest():
    old, other, same = updated(1, 7), updated(2, 8), updated(2, 1)
    step = OptimizerStep(statement=0, storages=frozenset((1,)))

    found = updates("opt.step()", old, other, same, changed=("w",), steps=(step,))

    assert (other, updated(3, 1, line=(1, "opt.step()"))) == found
    assert () == updates("x = 1", other, changed=(), alive=GraphState())


@pytest.mark.parametrize(
    ("cause", "text", "is_leaf", "expected"),
    [
        ("optimizer", "opt.step()", False, True), ("direct", "w -= w.grad", True, True), ("direct", "w -= w.grad", False, False),
        ("direct", "w -= 1", True, False), ("direct", None, True, False), ("optimizer", None, False, True),
    ],
)  # fmt: skip
def test_a_step_or_a_write_that_reads_a_gradient_is_an_update(cause, text, is_leaf: bool, expected: bool):
    assert expected is is_update(cause, text and site(1, text), is_leaf=is_leaf)


def test_of_a_cell_whose_statements_are_not_known_every_update_may_be_later():
    early = updated(3, 1, 2, line=(1, "opt.step()"))
    assert is_stale(origin(1, 2), Standing(updated=(early,)))
    assert is_stale(
        origin(1, 2), Standing(built=BUILT | {4: BUILT[3]}, updated=(updated(4, 1, 2, line=(1, "opt.step()")),))
    )


def test_a_step_in_an_unknown_statement_has_no_line():
    step = OptimizerStep(statement=None, storages=frozenset((1,)))
    assert (updated(3, 1),) == updates("opt.step()", changed=(), steps=(step,))
