"""What became of what one cell bound, and of what its paths led to before it bound them anew, on traces made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.records.snapshots.difference import Content, Difference
from ipy_tensorwatch.core.records.trace.born import Born
from ipy_tensorwatch.core.records.trace.evidence import Position
from ipy_tensorwatch.core.syntax.parsing import parse_path
from tests.support.records import reading
from tests.support.traces import make_trace

X, Y, NEW = reading(1), reading(2), reading(8, 8)


def life(path, one, look, until=None, later=()):
    """Make what a path led to from a look on, bytes changed."""
    found = Difference(path=parse_path(path), before=one, after=one), Content.of(changed=True, verified=True)
    bound = frozenset((Position(look - 1, None, blind=False),)) if look else frozenset[Position]()
    return Born(
        look=look, positions=bound, ran=frozenset(range(9)), found=(found,), until=until, later=frozenset(later)
    )


def silent(plain, readings, looks, **more):
    """Give the silent changes: the path, the lines that wrote, and the line that bound it."""
    first, after = next(iter(readings.items()))
    bound = Difference(path=parse_path(first), before=None, after=after), Content.of(changed=None, verified=False)
    trace = make_trace(plain, readings, found=(bound,), writes={1: looks}, **more)
    reasoning = Reasoning(trace)
    assert reasoning.silent == tuple(one for one in reasoning.changes if one.silent)
    return [(one.path, [site.line for site in one.sites], one.born and one.born.line) for one in reasoning.silent]


NONE: list[int] = []


@pytest.mark.parametrize(
    ("plain", "looks", "lines"),
    [
        ("x = f()\ny = x[:]\ny.add_(1)", [NONE, NONE, NONE, [2]], [3]),
        ("x = f()\nx.add_(1)\ny.add_(1)", [NONE, NONE, [1], [2]], [3, 2]),
        ("x = f()\nx.add_(1)\nx.mul_(2)", [NONE, NONE, [1], [2]], None),
    ],
)
def test_each_write_to_what_a_cell_bound_counts_for_itself(plain, looks, lines):
    told = silent(plain, {"x": X, "y": Y}, looks, born=(life("x", X, 1),))

    assert told == ([] if lines is None else [("x", lines, 1)])


@pytest.mark.parametrize(
    ("plain", "later", "is_told"),
    [
        ("x = f()\ny.add_(1)\nx = x * 2", [2], True),
        ("x = f()\ny.add_(1)\nx = g()", [2], False),
        ("x = f()\ny.add_(1)\nx[0] = 1\nx = g()", [2, 3], False),
        ("x = f()\nx.add_(1)\nx = x * 2", [2], False),
    ],
)
def test_what_a_path_led_to_is_told_if_it_was_read_before_the_path_was_bound_anew(plain, later, is_told):
    left = life("x", X, 1, until=3, later=later)

    told = silent(plain, {"x": NEW, "y": Y}, [NONE, NONE, [1]], left=(left,))

    assert told == ([("x", [2], 1)] if is_told else [])


def test_of_what_a_path_led_to_and_what_it_leads_to_one_is_told():
    left, born = life("x", X, 1, until=3, later=[2]), life("x", NEW, 3)
    plain = "x = f()\ny.add_(1)\nx = x * 2\nv.add_(1)"

    told = silent(
        plain, {"x": NEW, "y": Y, "v": reading(9, 8)}, [NONE, NONE, [1], NONE, [3]], left=(left,), born=(born,)
    )

    assert [path for path, _, _ in told] == ["x"]


def test_a_name_speaks_for_the_whole_cell_where_the_path_led_there_before():
    left = life("x", X, 0, until=3, later=[2])

    assert silent("x.add_(1)\ny.add_(1)\nx = x * 2", {"x": NEW, "y": Y}, [NONE, [0], [1]], left=(left,)) == []
    assert silent("k = 1\ny.add_(1)\nx = x * 2", {"x": NEW, "y": Y}, [NONE, NONE, [1]], left=(left,)) != []


@pytest.mark.parametrize(
    ("plain", "path", "line"),
    [
        ("x = f()\nprint(x)\nk = 1", "x", 1),
        ("setattr(x, 'k', 1)\nprint(x)\nk = 1", "x", 2),
        ("x.append(t)\nt.add_(1)\nm = [sum(one) for one in x]", "x[0]", 1),
        ("k = x[0]\nx[1] = t\nprint(x)", "x[0]", 2),
        ("f()\ng()\nk = 1", "x", 3),
        ("loss.backward()\nx = f()\nk = 1\nother.backward()", "x.grad", 1),
    ],
)
def test_of_several_statements_that_ran_the_last_that_binds_the_name_did(plain, path, line):
    ran = frozenset(Position(index, None, blind=False) for index in range(3))
    one = replace(life(path, X, 1), positions=ran)

    [site] = Reasoning(make_trace(plain, {path: X}, born=(one,))).born.sites.values()

    assert (site.line, site.certainty) == (line, "inferred")


def test_what_a_path_led_to_before_may_need_the_functions_of_the_notebook():
    left = life("x", X, 1, until=3, later=[2])
    anew = make_trace("x = f()\ng()\nx = x * 2", {"x": NEW}, writes={1: [NONE, [1], NONE]}, found=(), left=(left,))

    assert Reasoning(anew).follows_calls
    assert not Reasoning(replace(anew, left=())).follows_calls
