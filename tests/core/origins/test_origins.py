"""Where paths became one memory, told from traces made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipy_tensorwatch.core.origins import path_histories
from ipy_tensorwatch.core.origins.origins import Origins
from ipy_tensorwatch.core.origins.path_histories import PathHistories
from ipy_tensorwatch.core.records.snapshots.difference import Content, Difference
from ipy_tensorwatch.core.records.trace.born import Arrival
from ipy_tensorwatch.core.records.trace.evidence import Move, Position
from ipy_tensorwatch.core.syntax.parsing import parse_path
from tests.support.records import reading
from tests.support.traces import make_trace, snapshot_of

X, VIEW, OTHER = reading(1), reading(2), reading(3, 3)
SAME = Content.of(changed=None, verified=True)


def at(*statements):
    return frozenset(Position(one, None, blind=False) for one in statements)


def shift(path, before, after):
    """Make the difference of a path that leads elsewhere."""
    return Difference(path=parse_path(path), before=before, after=after), SAME


def bound(path, after, *statements):
    """Make a path that one of these statements bound, as the look after them saw it."""
    return Arrival(path, after, max(statements) + 1, at(*statements))


def session(*cells, names=("x", "y")):
    """Add cells, each its source, what is bound or shifted in it, and the evidence; return the origin of two paths."""
    known, readings = PathHistories(), dict[str, object]()
    for count, (plain, *seen) in enumerate(cells, 1):
        moves = {one.object: (one,) for one in seen if isinstance(one, Move)}
        arrivals = tuple(one for one in seen if isinstance(one, Arrival))
        shifts = [one for one in seen if not isinstance(one, Arrival | Move)]
        shifts += [shift(one.path, readings.get(one.path), one.reading) for one in arrivals]
        before = snapshot_of({path: one for path, one in readings.items() if one is not None})
        trace = make_trace(plain, {}, count=count, arrivals=arrivals, moves=moves, before=before)
        known.add(replace(trace, found=tuple(shifts)))
        readings |= {str(one.path): one.after for one, _ in shifts}
    after = snapshot_of({path: one for path, one in readings.items() if one is not None})
    return Origins.now(known, after).of_pair(*names)


def told(origin):
    return origin and (origin.cell, origin.line, origin.text, origin.how, origin.certainty)


FIRST = ("x = torch.ones(6)", bound("x", X, 0))


def test_a_pair_is_one_memory_since_the_statement_that_bound_the_second_of_them():
    origin = session(FIRST, ("pass\ny = x.detach()", bound("y", VIEW, 1)))

    assert told(origin) == (2, 2, "y = x.detach()", "detach", "observed")


def test_it_stays_so_while_they_share_bytes_without_a_break():
    again = ("y = y.view(2, 3)", bound("y", VIEW._replace(object=9), 0))
    origin = session(FIRST, ("y = x.detach()", bound("y", VIEW, 0)), again, ("q = 1",))

    assert told(origin) == (2, 1, "y = x.detach()", "detach", "observed")


def test_a_break_begins_it_anew():
    away = ("y = x.clone()", bound("y", OTHER, 0))
    origin = session(FIRST, ("y = x.detach()", bound("y", VIEW, 0)), away, ("y = x[1:]", bound("y", VIEW, 0)))

    assert told(origin) == (4, 1, "y = x[1:]", "slice", "observed")


@pytest.mark.parametrize(("statements", "cell"), [((0, 1), 3), ((0,), 2)])
def test_where_several_statements_bound_both_to_other_memory_it_begins_anew(statements: tuple[int, ...], cell: int):
    both = [bound(path, one, *statements) for path, one in (("x", OTHER), ("y", reading(4, 3)))]
    origin = session(FIRST, ("y = x.detach()", bound("y", VIEW, 0)), ("x = torch.ones(6)\ny = x.detach()", *both))

    assert cell == origin.cell


def test_a_pair_of_which_one_is_gone_was_one_memory_since_then():
    gone = ("y.add_(1)\ndel y", shift("y", VIEW, None))

    assert told(session(FIRST, ("y = x.detach()", bound("y", VIEW, 0)), gone))[:2] == (2, 1)


def test_a_move_makes_two_one_memory():
    moved = OTHER._replace(storage=1, data_ptr=X.data_ptr)
    move = Move(object=3, storage=1, positions=at(1), look=2, reading=moved)
    cells = ("y = torch.ones(6)", bound("y", OTHER, 0)), ("pass\ny.data = x", shift("y", OTHER, moved), move)

    assert told(session(FIRST, *cells)) == (3, 2, "y.data = x", "data", "observed")


def test_what_moves_together_stays_one_memory():
    there = {"storage": 7, "data_ptr": 7 * 4096}
    both = X._replace(**there), VIEW._replace(**there)
    moves = [Move(object=one.object, storage=7, positions=at(0), look=1, reading=one) for one in both]
    shifts = shift("x", X, both[0]), shift("y", VIEW, both[1])
    origin = session(FIRST, ("y = x.detach()", bound("y", VIEW, 0)), ("net.double()", *shifts, *moves))

    assert told(origin)[:2] == (2, 1)


@pytest.mark.parametrize(
    ("plain", "statements", "line"),
    [
        ("y = x[:]\nz = f(y)", (0, 1), 1),
        ("y = x.clone()\ny = x[:]\nq = 1", (0, 1, 2), 2),
        ("a.y = x\nq = 1", (0, 1), 1),
    ],
)
def test_of_several_statements_the_last_that_binds_the_name_is_likely(plain, statements, line):
    path = "a.y" if plain.startswith("a") else "y"
    origin = session(FIRST, (plain, bound(path, VIEW, *statements)), names=("x", path))

    assert (origin.line, origin.certainty) == (line, "inferred")


def test_what_a_function_of_the_notebook_hands_back_is_shared_by_a_call():
    origin = session(("def f(t): return t[:]",), FIRST, ("y = f(x)", bound("y", VIEW, 0)))

    assert (origin.text, origin.how) == ("y = f(x)", "call")


def test_nothing_is_claimed_of_what_was_there_before_the_first_cell():
    assert session(("x.add_(1)", shift("x", X, X._replace(version=9)))) is None
    assert Origins.now(PathHistories(), snapshot_of({"x": X, "y": VIEW})).of_pair("x", "y") is None


def test_nothing_is_claimed_of_what_happened_between_the_cells():
    known = PathHistories()
    known.add(replace(make_trace("q = 1", {}), outside=(shift("x", None, X), shift("y", None, VIEW)), found=()))

    assert Origins.now(known, snapshot_of({"x": X, "y": VIEW})).of_pair("x", "y") is None


def test_an_answer_is_what_was_true_when_its_cell_had_ended():
    known, answers = PathHistories(), []
    lives = (bound("x", X, 0), bound("y", VIEW, 0)), (bound("y", OTHER, 0),), (bound("y", VIEW, 0),)
    for count, births in enumerate(lives, 1):
        known.add(make_trace("y = x", {}, count=count, arrivals=births, found=()))
        answers.append(Origins.now(known, snapshot_of({"x": X, "y": births[-1].reading})))

    assert [one.of_pair("x", "y").cell for one in answers] == [1, 1, 3]


def test_functions_are_those_that_were_defined_when_the_cell_had_ended(monkeypatch):
    read, find = [], path_histories.definitions_in
    monkeypatch.setattr(path_histories, "definitions_in", lambda text, cell: read.append(cell) or find(text, cell))
    known = PathHistories()
    for count, plain in enumerate(("def f(t): return t", "q = 1", "def f(t): return t[:]", "def g(t): pass"), 1):
        known.add(make_trace(plain, {}, count=count, found=()))
    defined = [known.library(number).notebook.definitions for number in (4, 1, 2, 3)]

    assert [["f", "g"], ["f"], ["f"], ["f"]] == [sorted(one) for one in defined]
    assert [3, 1, 1, 3] == [one["f"].cell for one in defined]
    assert [1, 3, 4] == read, "no cell is read again"


def test_the_oldest_moments_are_dropped_and_nothing_is_claimed_of_them(monkeypatch):
    monkeypatch.setattr(path_histories, "MAX_MOMENTS", 3)
    pair = FIRST, ("y = x.detach()", bound("y", VIEW, 0))
    others = [(f"z = f({k})", bound("z", OTHER._replace(object=k), 0)) for k in range(9, 11)]

    assert told(session(*pair, others[0])) == (2, 1, "y = x.detach()", "detach", "observed")
    assert session(*pair, *others) is not None
    assert session(*pair, *others, *others) is None


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        ("y = net(z)\nd['x'].mul_(2)", (2, 1, "y = net(z)", "call", "inferred")),
        ("y = net(z)\nfill(d['x'])", (2, 2, "fill(d['x'])", "call", "observed")),
        ("y = net(z)\nprint(d)", (2, 1, "y = net(z)", "call", "inferred")),
    ],
)
def test_a_statement_that_only_writes_or_prints_put_nothing_there(plain, expected):
    here = bound("d['x']", VIEW, 1)
    found = told(session(FIRST, (plain, here), names=("x", "d['x']")))
    assert found[:3] + found[4:] == expected[:3] + expected[4:]


def test_a_gradient_shares_other_memory_since_it_was_assigned():
    source = "for p in m.parameters():\n    p.grad = x[:2]\nm(z).sum().backward()"
    found = told(session(FIRST, (source, bound("m.w.grad", VIEW, 2)), names=("x", "m.w.grad")))
    assert (2, 2, "p.grad = x[:2]") == found[:3]


def test_two_gradients_are_one_memory_since_a_backward():
    source = "q.grad = z\n(m(z) + k(z)).sum().backward()"
    moments = [bound("m.w.grad", X, 1), bound("k.w.grad", VIEW, 1)]
    assert (1, 2) == told(session((source, *moments), names=("m.w.grad", "k.w.grad")))[:2]
