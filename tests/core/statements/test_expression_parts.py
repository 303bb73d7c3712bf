"""The parts of an expression come inner ones first, from left to right, whether or not some have their own scope."""

import ast

import pytest

from ipy_tensorwatch.core.statements.aliases.scope import Scope
from ipy_tensorwatch.core.statements.writes.statement_writes import walk_expressions


@pytest.mark.parametrize(
    ("source", "calls"),
    [
        ("f(g(x), h(y)).k(z)", ["g(x)", "h(y)", "f(g(x), h(y))", "f(g(x), h(y)).k(z)"]),
        ("f([g(a) for a in h(x)], k(y))", ["g(a)", "h(x)", "k(y)", "f([g(a) for a in h(x)], k(y))"]),
        ("f(lambda: g(x), k(y))", ["k(y)", "f(lambda: g(x), k(y))"]),
    ],
)
def test_inner_parts_come_first_and_no_body_of_a_lambda(source, calls):
    tree = ast.parse(source, mode="eval").body
    for _ in range(2):
        parts = [part for part, _ in walk_expressions(tree, Scope())]
        spelled = [ast.unparse(one) for one in parts if isinstance(one, ast.Call)]
        assert [one.replace("lambda :", "lambda:") for one in spelled] == calls  # Python 3.10 leaves a space
