"""A result that `functools` keeps is copied where a caller writes to it, not where another one reads it."""

from __future__ import annotations

import pytest

from tests.support.mending import apply_fix
from tests.support.notebook import Notebook, Report, silent

START = """import functools, numpy as np, torch
@functools.lru_cache(maxsize=None)
def table(n):
    return torch.arange(float(n))
@functools.cache
def grid(n):
    return np.linspace(0, 1, n)
class Encoder:
    @functools.lru_cache
    def places(self, n):
        return torch.arange(float(n))
    def __call__(self, x):
        p = self.places(len(x))
        p /= 2
        return x + p
def made(n):
    return torch.arange(float(n))
kept = functools.lru_cache(maxsize=8)(made)
def shifted(n):
    g = grid(n)
    g[0] = 3
    return g.sum()
def spoil(t):
    t.add_(1)
    return t.sum()
encode = Encoder()"""
CHECK = """assert torch.equal(table(3), made(3)) and torch.equal(kept(3), made(3))
assert torch.equal(encode.places(3), made(3)) and grid(3)[0] == 0"""
PROGRAMS = {
    "the second result": (["a = table(3)", "b = table(3)", "b.mul_(2)"], ["b = table(3).clone()"]),
    "the first result": (["b = table(3)", "a = table(3)", "b.mul_(2)"], ["b = table(3).clone()"]),
    "an item": (["rows = [table(3), 1]", "a = table(3)", "rows[0] += 1"], ["rows = [table(3).clone(), 1]"]),
    "a cache without a decorator": (["b = kept(3)", "a = kept(3)", "b.mul_(2)"], ["b = kept(3).clone()"]),
    "in a function": (["a = grid(3)", "total = shifted(3)"], ["g = grid(n).copy()"]),
    "in a method": (["a = encode.places(3)", "y = encode(torch.zeros(3))"], ["p = self.places(len(x)).clone()"]),
    "handed to a function": (["a = table(3)", "total = spoil(table(3))"], ["t = t.add(1)"]),
}


def run(cells: list[str]) -> list[Report]:
    """Return the reports of all cells."""
    with Notebook() as nb:
        return [nb.run(one) for one in cells]


@pytest.mark.parametrize(("calls", "code"), PROGRAMS.values(), ids=PROGRAMS)
def test_the_writer_copies(calls: list[str], code: list[str]):
    cells = [START, *calls]
    told = [one["fix"] for one in run(cells)[-1]["changes"] if one["path"] == "a" and one["silent"]]
    after = run([*apply_fix(cells, told[0]), CHECK])

    assert [code] == [[edit["text"].strip() for edit in one["edits"]] for one in told]
    assert [] == [path for each in after for path in silent(each)]


def test_a_function_that_writes_what_it_makes_is_quiet():
    body = "def keep(n):\n    t = torch.zeros(n)\n    t += 1\n    return t"

    assert [set(), set(), set()] == [silent(one) for one in run([START, body, "a = table(3)\nb = keep(3)\nb += 1"])]


def test_what_is_only_read_is_not_copied_where_nothing_plain_mends_the_cache():
    report = run([START, "a = table(3)", "torch.neg(table(3), out=table(3))"])[-1]

    assert [("a", None)] == [(one["path"], one["fix"]) for one in report["changes"] if one["silent"]]
