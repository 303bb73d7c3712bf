"""The changes of past cells are made when they are read, and no more is kept for that than there is room for."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame import past_changes
from ipy_tensorwatch.core.blame.past_changes import PastChanges
from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.records.trace.evidence import OptimizerStep, Position, SeenWrite
from tests.support.records import reading
from tests.support.traces import make_trace

X = {"x": reading(1), "y": reading(2)}


def cell(count, plain="y.add_(1)", readings=X, **more):
    return Reasoning(make_trace(plain, readings, count=count, **more))


@pytest.fixture
def past():
    return PastChanges()


def test_changes_are_made_when_they_are_read(past):
    one = cell(1)
    past.add(one, 100)
    assert "changes" not in vars(one)
    assert [(1, "x"), (1, "y")] == [(count, change.path) for count, change in past]
    assert 2 == len(past)


def test_what_was_bound_is_no_change_of_the_past(past):
    trace = make_trace("x = f()", X)
    difference, content = trace.found[0]
    bound = type(difference)(path=difference.path, before=None, after=difference.after)
    past.add(Reasoning(make_trace("x = f()", X, found=((bound, content),))), 100)
    assert 0 == len(past)


def test_the_oldest_changes_beyond_the_limit_are_forgotten(past):
    for count in range(1, 8):
        past.add(cell(count), 5)
    assert [(5, "y"), (6, "x"), (6, "y"), (7, "x"), (7, "y")] == [(count, change.path) for count, change in past]


def test_of_many_cells_the_changes_are_kept_and_not_the_traces(past, monkeypatch):
    monkeypatch.setattr(past_changes, "MAX_TRACES", 2)
    made = [cell(count) for count in range(1, 6)]
    for one in made:
        past.add(one, 100)
    assert [True, True, True, False, False] == ["changes" in vars(one) for one in made]
    assert 10 == len(past)


def test_of_many_readings_the_changes_are_kept_and_not_the_traces(past, monkeypatch):
    monkeypatch.setattr(past_changes, "MAX_READINGS", 3)
    made = [cell(count) for count in range(1, 5)]
    for one in made:
        past.add(one, 100)
    assert [True, True, False, False] == ["changes" in vars(one) for one in made]


def test_of_many_bytes_what_no_class_settles_is_made_before_they_go(past, monkeypatch):
    monkeypatch.setattr(past_changes, "MAX_BYTES", 30)
    parameter = reading(4, 4, requires_grad=True, kind="parameter")
    at = frozenset((Position(0, None, blind=False),))
    writes = {
        4: (SeenWrite(storage=4, positions=at, mask=bytes(24 * [1])),),
        1: (SeenWrite(storage=1, positions=at, mask=bytes(24 * [1])),),
    }
    step = OptimizerStep(statement=0, storages=frozenset((4,)))
    made = [
        cell(count, "opt.step(x)", {"net.w": parameter, "x": reading(1)}, steps=(step,), evidence={"writes": writes})
        for count in range(1, 4)
    ]
    for one in made:
        past.add(one, 100)
    assert [48, 48, 48] == [one.nbytes for one in made]
    assert [True, True, False] == ["unsettled" in vars(one) for one in made]
    assert "changes" not in vars(made[0])
    told = [(count, change.path, change.cause) for count, change in past]
    assert [
        (count, path, cause) for count in (1, 2, 3) for path, cause in (("net.w", "optimizer"), ("x", "call"))
    ] == told


def test_all_can_be_forgotten(past):
    past.add(cell(1), 100)
    past.clear()
    assert [] == [*past]
