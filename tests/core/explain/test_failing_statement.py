"""The statement at which an error arose, and what its failing part names."""

from __future__ import annotations

import ast

import pytest

from ipy_tensorwatch.core.explain.failing_statement import (
    backward_root,
    find_backward,
    find_failing,
    find_writer,
)
from ipy_tensorwatch.core.records.trace.cell_error import Spot

SOURCE = "a = 1; w[0] = 2\nfor x in f(\n    w):\n    x.add_(1); y.mul_(\n        2)\ndef g(h):\n    h.add_(1)\n    return h\n"


def spot(line: int, span=None, function: str = "<module>") -> Spot:
    return Spot(file="", line=line, span=span, function=function)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (spot(1, (1, 7, 1, 11)), (1, 1, "w[0] = 2")),
        (spot(1, (1, 0, 1, 1)), (1, 1, "a = 1")),
        (spot(3, (2, 9, 3, 6)), (2, 3, "for x in f( w):")),
        (spot(5, (4, 15, 5, 10)), (4, 5, "y.mul_( 2)")),
        (spot(4, (4, 4, 4, 13)), (4, 4, "x.add_(1)")),
        (spot(7), (7, 7, "h.add_(1)")),
    ],
)
def test_the_statement_of_a_frame_is_found_by_its_span_or_its_line(at: Spot, expected):
    found = find_failing(SOURCE, at)

    assert expected == (found.line, found.end_line, found.text)


def test_nothing_is_found_where_nothing_stands_or_where_nothing_can_be_read():
    assert find_failing(SOURCE, spot(99)) is None
    assert find_failing(SOURCE, spot(1)) is None  # one of two beside each other
    assert find_failing("x = (", spot(1)) is None


def targets(source: str, span=None) -> list[str]:
    return [str(one.path) for one in find_failing(source, spot(1, span)).targets()]


def test_what_is_written_is_told_of_the_part_that_failed_first():
    assert ["b"] == targets("a.add_(1), b.mul_(2)", (1, 11, 1, 20))
    assert ["a", "b"] == sorted(targets("a.add_(1), b.mul_(2)"))
    assert ["b[0]"] == targets("a[0], b[0] = 1, 2", (1, 6, 1, 10))
    assert [] == targets("y = x[0]", (1, 4, 1, 8))
    assert ["a"] == targets("a.add_(f(x))", (1, 7, 1, 11))
    assert ["a"] == targets("a.mul_(1).add_(2)", (1, 0, 1, 17))[:1]


def test_what_is_read_is_told_of_the_part_that_failed():
    def mentions(span=None):
        return {str(one) for one in find_failing("y = f(a) + g(b)", spot(1, span)).mentions()}

    assert "a" in mentions((1, 4, 1, 8))
    assert "b" not in mentions((1, 4, 1, 8))
    assert {"a", "b"} <= mentions()
    assert {"a", "b"} <= mentions((1, 6, 1, 7))  # a name alone fails at nothing


def test_the_names_of_a_comprehension_go_through_what_it_is_over():
    found = find_failing("[row.mul_(2) for i, row in pairs(x.rows)]", spot(1)).iterated()

    assert {"i", "row"} == {*found}
    assert "x.rows" in map(str, found["row"])
    assert {} == find_failing("row.mul_(2)", spot(1)).iterated()


def test_an_expression_of_a_thousand_terms_names_nothing():
    found = find_failing(" + ".join(["a.b"] * 3000), spot(1))

    assert found is None or (found.targets(), found.mentions()) == ([], [])


FUNCTION = "def f(h, k):\n    h.add_(1)\n    k.add_(1)\n    g()\n\ndef f(h):\n    g()\n    h.mul_(\n        2)\n"


@pytest.mark.parametrize(
    ("at", "names", "expected"),
    [
        (spot(4, function="f"), {"h"}, (2, "h.add_(1)")),
        (spot(4, function="f"), {"h", "k"}, None),
        (spot(7, function="f"), {"h"}, (8, "h.mul_( 2)")),
        (spot(4, function="other"), {"h"}, None),
        (spot(5, function="f"), {"h"}, None),
        (spot(4, function="f"), {"m"}, None),
    ],
)
def test_the_one_line_of_a_function_that_writes_to_its_name_is_found(at, names, expected):
    assert expected == find_writer(FUNCTION, at, names)


def test_no_line_is_found_in_what_cannot_be_read():
    assert find_writer("def f(", spot(1, function="f"), {"h"}) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss.backward()", "loss"),
        ("out['loss'].backward(retain_graph=True)", "out['loss']"),
        ("torch.autograd.grad(loss, w)", "loss"),
        ("torch.autograd.backward(loss)", "loss"),
        ("g = grad(loss, w)", "loss"),
        ("f().backward()", None),
        ("torch.autograd.backward()", None),
        ("loss.sum()", None),
    ],
)
def test_a_backward_is_told_with_the_variable_that_it_begins_from(text, expected):
    assert expected == backward_root(ast.parse(text))


def test_a_statement_that_runs_no_backward_has_none():
    assert find_backward(ast.parse("f(x)")) is None
    assert find_backward(ast.parse("y = (f(x), loss.backward())")) is not None
