"""The value of an assignment, and whether evaluating it may write to a path, by its text alone."""

from __future__ import annotations

import ast

import pytest

from ipy_tensorwatch.core.statements.assigned_value import may_write_in, value_of
from ipy_tensorwatch.core.syntax.parsing import parse_path

VALUES = [
    ("x.a = f(y)", "f(y)"),
    ("x.a += y", "y"),
    ("x.a: int = y", "y"),
    ("x.a: int", None),
    ("setattr(x, 'a', y)", "y"),
    ("setattr(x, y)", None),
    ("getattr(x, 'a', y)", None),
    ("del x.a", "None"),
    ("f(x)", None),
    ("pass", None),
]


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_a_statement_assigns_a_value(text, expected):
    found = value_of(ast.parse(text).body[0])
    assert expected == (found and ast.unparse(found))


MAY_WRITE = [
    ("f(o.raw)", True),
    ("f(o)", True),
    ("f(o.raw[0])", True),
    ("f(o.other)", False),
    ("f(p)", False),
    ("f(k=o.raw)", True),
    ("o.raw.step()", True),
    ("o.step()", True),
    ("o.raw.clone()", False),
    ("o.raw + 1", False),
    ("g(f(o.raw))", True),
    ("len(o.raw)", False),
    ("known(o.raw)", False),
    ("m.known(o.raw)", True),
    ("torch.sin(o.raw)", False),
    ("np.sort(o.raw)", False),
    ("mean(o.raw)", True),
    ("made()(o.raw)", True),
]


@pytest.mark.parametrize(("text", "expected"), MAY_WRITE)
def test_evaluating_a_value_may_write_to_what_a_call_is_given(text, expected):
    value = ast.parse(text, mode="eval").body
    assert expected == may_write_in(value, parse_path("o.raw"), {"known"})
