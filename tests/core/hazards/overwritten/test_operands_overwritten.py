"""Which statements read parts of a tensor that they overwrite, by hand-made traces."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.blame.reasoning import Reasoning
from ipy_tensorwatch.core.hazards.overwritten.operands_overwritten import operands_overwritten
from tests.support.records import reading
from tests.support.traces import make_trace

GRID = reading(1, shape=(4, 5), strides=(20, 4), high=80)
COLUMN = reading(2, shape=(4, 1), strides=(20, 4), high=64)
ARRAY = reading(3, 3, kind="ndarray", shape=(4, 5), strides=(20, 4), high=80)
NUMBERS = reading(4, 4, kind="ndarray")
READINGS = {"a": GRID, "b": COLUMN, "n": ARRAY, "m": NUMBERS, "xs[0]": reading(5, 5), "xs[1]": reading(6, 6)}
READINGS["same"] = COLUMN._replace(storage=7)


def told(plain: str, **more):
    """Return outcome, path and fix of each hazard of a cell."""
    reasoning = Reasoning(make_trace(plain, READINGS | more.pop("readings", {}), **more))
    return [(one.outcome, *one.paths, one.fix.code) for one in operands_overwritten(reasoning)]


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        ("a -= a[:, :1]", ("risk", "a", "a -= a[:, :1].clone()")),
        ("a.sub_(a[:, :1])", ("risk", "a", "a.sub_(a[:, :1].clone())")),
        ("torch.sub(a, a[:, :1], out=a)", ("risk", "a", "torch.sub(a, a[:, :1].clone(), out=a)")),
        ("a -= b", ("risk", "a", "a -= b.clone()")),
        ("a[:, 1:] = a[:, :-1]", ("risk", "a", "a[:, 1:] = a[:, :-1].clone()")),
        ("a[:, 1:].copy_(a[:, :-1])", ("risk", "a", "a[:, 1:].copy_(a[:, :-1].clone())")),
        ("a[1:, 1:4] += a.T[1:4, 1:].detach()", ("risk", "a", "a[1:, 1:4] += a.T[1:4, 1:].detach().clone()")),
        ("a.data -= a.data[:, 2, None]", ("risk", "a", "a.data -= a.data[:, 2, None].clone()")),
        ("for i in range(3):\n    a[:, i] /= a[i, i]", ("risk", "a", "a[:, i] /= a[i, i].clone()")),
        (
            "for i in range(3):\n    a[:, i] /= a[i, i]\nfor i in range(2):\n    f(i)",
            ("risk", "a", "a[:, i] /= a[i, i].clone()"),
        ),
        ("for i, row in enumerate(a):\n    a[:, i] /= a[i, i]", ("risk", "a", "a[:, i] /= a[i, i].clone()")),
        ("k = len(a) // 2\na[:, k] /= a[k, k]", ("risk", "a", "a[:, k] /= a[k, k].clone()")),
        ("a[:, k:] -= a[:, :-k]", ("risk", "a", "a[:, k:] -= a[:, :-k].clone()")),
        ("a[0], a[1] = a[1], a[0]", ("wrong", "a", "a[0], a[1] = a[1], a[0].clone()")),
        ("n[0], n[1] = n[1], n[0]", ("wrong", "n", "n[0], n[1] = n[1], n[0].copy()")),
        ("a[0], a[1], a[2] = a[1], a[2], a[0]", ("wrong", "a", "a[0], a[1], a[2] = a[1], a[2], a[0].clone()")),
        ("j = 2\na[0], a[j] = a[j], a[0]", ("risk", "a", "a[0], a[j] = a[j], a[0].clone()")),
    ],
)
def test_an_operand_that_is_overwritten_is_told_with_a_copy_of_it(plain, expected):
    assert [expected] == told(plain)


@pytest.mark.parametrize(
    "plain",
    [
        "a -= a[:, -1:]",
        "a[:, :-1] = a[:, 1:]",
        "a -= a[:, :1].clone()",
        "a -= a[:, :1] * 2",
        "a += a",
        "a[:, 0] = a[:, 1]",
        "a[:, ::2][:, :2] += a[:, 1::2]",
        "a[1:] = a[:-1]",  # PyTorch refuses
        "a -= a[0]",
        "n -= n[:, :1]",  # NumPy reads from a copy
        "m[0], m[1] = m[1], m[0]",  # numbers, not views of them
        "xs[0], xs[1] = xs[1], xs[0]",  # items of a list
        "a[0], a[1] = a[0], a[1]",
        "a[p], a[q] = a[q], a[p]",  # they may be lists of indices, of which reading makes copies
        "a[[0, 1]], a[[2, 3]] = a[[2, 3]], a[[0, 1]]",
        "a[:, i] -= a[:, j]",
        "a -= a[:, :1]\na = f(a)",  # it leads to another tensor by now
        "c -= c[:, :1]",
        "a.set_(a[:, :1])",
        "a.data, b.data = b.data, a.data",  # each is given other memory
        "a.data = a.data[:, :1]",
        "a -= same",  # another memory at the same address, as of all meta tensors
        "k = p\nk = 2\na[:, k] /= a[k, k]",
        "k = p + 1\na[:, k] /= a[k, k]",
        "for i in range(3):\n    pass\ni = p\na[:, i] /= a[i, i]",
        "if x: a -= a[:, 9]",
    ],
)
def test_an_operand_that_stays_as_it_was_or_is_not_known_is_not_told(plain):
    assert told(plain) == []


def test_on_a_device_elements_are_computed_in_any_order():
    there = {"a": GRID._replace(device="cuda:0")}

    assert [("risk", "a", "a[:, :-1] = a[:, 1:].clone()")] == told("a[:, :-1] = a[:, 1:]", readings=there)


PUSH = "class Stack:\n    def push(self, x):\n        self.buf[:, 1:] = self.buf[:, :-1]"
SWAP = "def swap(m, i, j):\n    m[i], m[j] = m[j], m[i]"


@pytest.mark.parametrize(
    ("plain", "source", "expected"),
    [
        ("s.push(x)", PUSH, [("risk", "s.buf", "self.buf[:, 1:] = self.buf[:, :-1].clone()")]),
        ("swap(a, 0, 2)", SWAP, [("risk", "a", "m[i], m[j] = m[j], m[i].clone()")]),
        ("shift(a)", "def shift(x):\n    x -= x[:, :1]", [("risk", "a", "x -= x[:, :1].clone()")]),
        ("shift(a, b)", "def shift(x, y):\n    x -= y[:, :1]", []),
        ("shift(a)", "def shift(x):\n    x -= x[:, -1:]", []),
        ("shift(a, b)", "def shift(x, y):\n    x.addcmul_(x, y[:, :1])", []),
        ("shift(a)", "def shift(x):\n    x[1][::2] -= x[0][:1]", []),
        ("swap(xs)", "def swap(xs):\n    xs[0], xs[1] = xs[1], xs[0]", []),
    ],
)
def test_a_line_of_a_function_is_told_by_what_it_was_given(plain, source, expected):
    more = {"readings": {"s.buf": GRID._replace(object=9, storage=9)}, "cells": [source], "classes": {"s": "Stack"}}

    assert expected == told(plain, **more)


def test_a_statement_that_did_not_run_is_not_told():
    assert told("if x:\n    a -= a[:, :1]", evidence={"ran": frozenset([0])}) == []
