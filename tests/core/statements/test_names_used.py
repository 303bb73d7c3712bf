"""The names that a statement mentions, binds and reads, and whether it runs code, by its text alone."""

from __future__ import annotations

import ast

import pytest

from ipy_tensorwatch.core.statements.names_used import (
    binds_of,
    calls_of,
    mentions_of,
    names_led_on,
    operates,
    reads_of,
)


def node(text):
    return ast.parse(text).body[0]


def each(cases):
    return pytest.mark.parametrize(("text", "expected"), cases)


@each(
    [("f()", True), ("x = [i for i in y]", True), ("for i in x: pass", True), ("with x: pass", True), ("x = y", False), ("x.a", False),
     ("def f(): g()", False), ("def f(a=g()): pass", True), ("@g\ndef f(): pass", True), ("class A: x = g()", True), ("class A: x = 1", False),
     ("class A(g()): pass", True), ("if x: f()", False), ("if f(): pass", True), ("async def f(): await x", False), ("class A:\n    def f(self): g()", False)],
)  # fmt: skip
def test_a_statement_may_run_a_function(text, expected):
    assert expected == calls_of(node(text))


@each(
    [("x = y", False), ("x = 1", False), ("x = y = 1", False), ("a, b = z", True), ("x.a = 1", True), ("x = -y", True), ("z", True), ("1", False),
     ("if z: pass", True), ("while z: pass", True), ("assert z", True), ("x: int = y", True), ("match z:\n    case 1: pass", True), ("pass", False),
     ("del x", False)],
)  # fmt: skip
def test_a_statement_may_run_an_objects_own_code(text, expected):
    assert expected == operates(node(text))


@each(
    [("x = y.a[0]", ["x", "y.a[0]"]), ("y['k'].b", ["y['k'].b"]), ("y[-1]", ["y[-1]"]), ("y[i]", ["y", "i"]), ("y[1.5]", ["y"]), ("y[:2]", ["y"]),
     ("y.T", ["y"]), ("x.f(z)", ["x", "z"]), ("f(z)", ["f", "z"]), ("f(x.g)", ["f", "x.g"]), ("[i.a for i in xs]", ["xs"]), ("{k: v for k, v in d}", ["d"]),
     ("lambda a, *b, c=1, **d: a + b + c + d + e", ["e"]), ("f(i, [i for i in xs])", ["f", "i", "xs"]), ("for i in xs: y", ["i", "xs"])],
)  # fmt: skip
def test_a_statement_mentions_chains_of_names(text, expected):
    assert expected == [str(one) for one in mentions_of(node(text))]


@each(
    [("x = y", "x"), ("x = y = 1", "x y"), ("a, (b, *c) = y", "a b c"), ("x.a = 1", ""), ("x[i] = 1", ""), ("x += 1", ""), ("x += (y := 1)", "y"),
     ("f(y := 1)", "y"), ("def f(a): b = 1", "f"), ("async def f(): pass", "f"), ("class A: b = 1", "A"), ("def f(a=(b := 1)): pass", "f b"),
     ("import a.b, c as d", "a d"), ("from a import b as c", "c"), ("for i, j in x: k = 1", "i j"), ("with x as y: pass", "y"), ("del x", "x"),
     ("try: pass\nexcept A as e: pass\nexcept B: pass", "e"), ("[i for i in x]", ""), ("[(k := i) for i in x]", "k"), ("x: int = 1", "x"),
     ("match z:\n    case [a, *b]: pass\n    case {'k': c, **d}: pass\n    case E() as e: pass\n    case {'k': 1}: pass", "a b c d e")],
)  # fmt: skip
def test_a_statement_binds_names(text, expected):
    assert {*expected.split()} == binds_of(node(text))


@each(
    [("x = f(x)", "f x"), ("x = y", "y"), ("x[i] = 1", "i"), ("x.a = y", "y"), ("x[0].a = y", "x y"), ("x += 1", "x"), ("x.a += y", "x y"), ("del x.a", ""),
     ("f().a += 1", "f"), ("x.a[y.b] = 1", "x y")],
)  # fmt: skip
def test_a_statement_reads_names(text, expected):
    assert {*expected.split()} == reads_of(node(text))


@pytest.mark.parametrize(
    ("text", "stored", "read"),
    [("a.x, b = f(c)", "a b", "f c"), ("x += y", "x", "y"), ("x[0] += y", "x", "y"), ("x[i] = y", "x", "i y"), ("g().a = y", "g", "y"), ("(a or b).c = 1", "", "a b"),
     ("def f(a=b): c", "", ""), ("class A(b): pass", "A", ""), ("f(x)", "", "f x"), ("x = x.a", "x", "")],
)  # fmt: skip
def test_names_lead_on_to_new_objects(text, stored, read):
    found = names_led_on(node(text))
    assert ({*stored.split()}, {*read.split()}) == ({*found[0]} - {""}, {*found[1]})


def test_a_long_chain_of_calls_needs_no_recursion():
    assert frozenset() == binds_of(node("x" + ".f()" * 300))
