"""Writes through loop variables: which items of which containers a statement names, on hand-made traces."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame.evidence.loop_writes import LoopWrites, names_led
from ipy_tensorwatch.core.records.trace.evidence import Evidence
from ipy_tensorwatch.core.records.trace.notebook import Notebook
from ipy_tensorwatch.core.statements.statement import parse_statements
from ipy_tensorwatch.core.syntax.parsing import parse_path
from tests.support.records import reading
from tests.support.traces import explain

A, B, C = reading(1, 1), reading(2, 2), reading(3, 3)
XS = {"xs[0]": A, "xs[1]": B}
LOOP = "for x in xs:\n    x += 1"


def led(*objects, turns=({"i": 0},)):
    """Make the evidence of what `x` led to, in turns that were all recorded."""
    return {"targets": {1: {"x": frozenset(objects)}}, "values": {1: turns}}


CASES = [
    (LOOP, XS, {}, ["xs[0]", "xs[1]"]),
    (LOOP, XS, led(1), ["xs[0]"]),
    (LOOP, XS, led(2, 1), ["xs[0]", "xs[1]"]),
    (LOOP, XS, led(1, turns=({},)), ["xs[0]", "xs[1]"]),
    (LOOP, XS, led(1, turns=({"i": 0}, {})), ["xs[0]", "xs[1]"]),
    (LOOP, XS, led(7), ["xs[0]", "xs[1]"]),
    (LOOP, {"xs": A}, {}, []),
    (LOOP, {"xs": A}, led(1), []),
    (LOOP, {"ys[0]": A, "xs[1]": B}, {}, ["xs[1]"]),
    (LOOP, {"xs[0].data": A}, {}, ["xs[0].data"]),
    ("for x in xs[:1]:\n    x += 1", XS, led(1), ["xs[0]"]),
    ("for x in xs[:1]:\n    x += 1", {"ys[0]": A}, led(1), []),
    ("for x in o.xs[:1]:\n    x += 1", {"o.xs[0]": A, "o.ys[0]": B}, led(1, 2), ["o.xs[0]"]),
    ("for k, x in d.items():\n    x += 1", {"d['a']": A, "d['b']": B}, led(1), ["d['a']"]),
    ("for x in xs:\n    x.weight += 1", {"xs[0].weight": A, "xs[1].weight": B, "xs[0].bias": C}, led(1), ["xs[0].weight", "xs[1].weight"]),
    ("for x in xs:\n    x.data += 1", XS, led(1), ["xs[0]"]),
    ("for x, y in zip(xs, ys):\n    x += y", {"xs[0]": A, "ys[0]": B}, {}, ["xs[0]"]),
    ("for row in xs:\n    for x in row:\n        x += 1", {"xs[0][0]": A, "xs[1]": B}, {}, ["xs[0][0]"]),
    ("for row in xs:\n    for x in row[:1]:\n        x += 1", {"xs[0][0]": A, "xs[0][1]": B, "y[0]": C}, led(1, 3), ["xs[0][0]"]),
]  # fmt: skip


@pytest.mark.parametrize(("plain", "readings", "more", "expected"), CASES)
def test_the_items_of_a_loop_are_named_as_far_as_its_turns_are_known(plain, readings, more, expected):
    [*_, statement] = parse_statements(plain)
    values, targets = ({statement.index: more[name][1]} if more else {} for name in ("values", "targets"))
    loops = LoopWrites(Evidence(values=values, targets=targets), readings)
    assert expected == [path for path, one in readings.items() if loops.names(statement, parse_path(path), one)]


def test_a_write_of_other_memory_must_not_go_to_the_very_object_if_that_is_asked():
    for plain, expected in ((LOOP, True), ("for x in xs:\n    x.detach().add_(1)", False)):
        statement = parse_statements(plain)[1]
        loops = LoopWrites(Evidence(), XS)
        assert expected == loops.names(statement, parse_path("xs[0]"), A, same_object=True)


def test_what_an_attribute_is_set_of_through_a_loop_variable_is_an_owner():
    loops = LoopWrites(Evidence(), {"y": A})
    assert ["xs[*]"] == [str(one) for one in loops.owners(parse_statements("for x in xs:\n    x.raw = 1")[1])]
    assert [] == [*LoopWrites(Evidence(), XS).owners(parse_statements(LOOP)[1])]


LEFT = {"x": reading(1), "y": reading(2)}


@pytest.mark.parametrize(("left", "is_told"), [(("x",), False), (("z",), True), (("x", "y"), True), ((), True)])
def test_the_name_that_a_loop_left_over_is_told_under_another_path_if_there_is_one(left, is_told):
    told = explain("y = f(x)", LEFT, notebook=Notebook(leftovers=frozenset(left)))["x"]
    assert ("call" if is_told else "leftover", is_told) == (told.cause, told.silent)


def test_what_is_expected_is_no_leftover():
    assert "direct" == explain("x.add_(1)", LEFT, notebook=Notebook(leftovers=frozenset("x")))["x"].cause


@pytest.mark.parametrize(
    ("taken", "names"),
    [
        ("slot = slots[i % 2]", ["slot"]),
        ("slot = slots['a']", []),
        ("slot = others[i]", []),
        ("slot = slots[i] + 1", []),
        ("slot = copy(slots[i])", []),
        ("other = slots[i]", []),
    ],
)
def test_a_name_that_was_bound_to_an_item_and_is_written_led_there(taken: str, names: list[str]):
    statements = parse_statements(f"for i in range(4):\n    {taken}\n    slot.add_(1)")

    assert names == names_led(statements, statements[-1], parse_path("slots[1]"))
