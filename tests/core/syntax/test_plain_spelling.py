"""What a roundabout spelling is read as, and what is left as it was typed."""

from __future__ import annotations

import ast

import pytest

from ipy_tensorwatch.core.syntax.parsing import parse_cell
from ipy_tensorwatch.core.syntax.syntax_tree import find_nodes

PLAIN = [
    ("globals()['t'] = x", "t = x"),
    ("del vars()['t']", "del t"),
    ("for i in n:\n    locals()['t'].add_(i)", "for i in n:\n    t.add_(i)"),
    ("def f():\n    globals()['t'].add_(1)", "def f():\n    t.add_(1)"),
    ("vars(vars(a)['b'])['c'] += 1", "a.b.c += 1"),
    ("operator.attrgetter('b.c')(a)", "a.b.c"),
    ("operator.itemgetter(0)(a)", "a[0]"),
    ("operator.methodcaller('f', 1, k=2)(a)", "a.f(1, k=2)"),
    ("functools.partial(f, a, k=1)(b, n=2)", "f(a, b, k=1, n=2)"),
]

AS_TYPED = [
    "globals()[name].add_(1)",
    "globals()['a b'].add_(1)",
    "globals()['if'].add_(1)",
    "globals(1)['t'].add_(1)",
    "vars(a)[0].add_(1)",
    "def f(t):\n    globals()['t'].add_(1)",
    "def f():\n    t = 1\n    globals()['t'].add_(t)",
    "def f():\n    globals()['t'] = 1",
    "def f(t):\n    locals()['t'].add_(1)",
    "class A:\n    vars()['t'].add_(1)",
    "f = lambda t: globals()['t']",
    "getattr(a, 'b', None)",
    "getattr(a, name)",
    "operator.attrgetter('b', 'c')(a)",
    "operator.itemgetter(0, 1)(a)",
    "operator.methodcaller(name)(a)",
    "a.b.partial(f)(1)",
    "functools.partial(*fs)(1)",
    "partial(f, 1)",
]


@pytest.mark.parametrize(("source", "plain"), PLAIN)
def test_a_roundabout_spelling_is_read_plainly(source: str, plain: str):
    tree = parse_cell(source)

    assert tree is not None
    assert ast.unparse(tree) == plain


@pytest.mark.parametrize("source", AS_TYPED)
def test_what_does_not_tell_its_name_or_is_of_another_scope_stays_as_typed(source: str):
    tree = parse_cell(source)

    assert tree is not None
    assert ast.unparse(tree) == source


def test_what_is_read_plainly_keeps_its_place():
    source = "a = 1\ny = globals()['t'].view(-1)"
    tree = parse_cell(source)

    (owner,) = [one for one in find_nodes(ast.Name, tree) if one.id == "t"]
    assert ast.get_source_segment(source, owner) == "globals()['t']"
