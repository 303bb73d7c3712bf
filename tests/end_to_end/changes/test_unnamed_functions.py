"""Functions to which no name of their own leads: lambdas and partials in attributes, containers and arguments."""

from __future__ import annotations

import sys

import pytest

from tests.support.mending import apply_fix
from tests.support.notebook import Notebook, changes, silent

SETTING = "import torch\nfrom functools import partial\nfrom torch.utils.data import DataLoader\nx = torch.ones(3)\n"
PROGRAMS = {
    "an attribute": ("class Pipe:\n    def __init__(self):\n        self.one, self.two = lambda t: t + 1, lambda t: t.mul_(2)\npipe = Pipe()", "pipe.two(x)", "t.mul_(2)"),
    "a list in an attribute": ("class Pipe:\n    def __init__(self):\n        self.steps = [lambda t: t.mul_(2)]\n    def __call__(self, t):\n        for step in self.steps:\n            t = step(t)\npipe = Pipe()", "pipe(x)", "t.mul_(2)"),
    "a dict": ("acts = {'up': lambda t: t + 1, 'twice': lambda t: t.mul_(2)}", "acts['twice'](x)", "t.mul_(2)"),
    "over two lines": ("acts = {'twice':\n    lambda t:\n        t.mul_(2)}", "acts['twice'](x)", "t.mul_(2)"),
    "an argument of a loader": ("loader = DataLoader([x], collate_fn=lambda some: some[0].add_(1))", "for batch in loader: pass", "some[0].add_(1)"),
    "a partial": ("def shift(by, t):\n    by = by + 1\n    t.sub_(by)\nhalf = partial(shift, 0.5)", "half(x)", "t.sub_(by)"),
    "a partial in an attribute": ("def shift(by, t):\n    t.sub_(by)\nclass Pipe:\n    def __init__(self):\n        self.half = partial(shift, 0.5)\npipe = Pipe()", "pipe.half(x)", "t.sub_(by)"),
    "a partial of a lambda": ("half = partial(lambda by, t: t.sub_(by), 0.5)", "half(x)", "t.sub_(by)"),
}  # fmt: skip
_knows_columns = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="Python 3.10 does not tell where in its line a lambda begins"
)


@_knows_columns
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_line_that_wrote_is_told(name):
    made, called, text = PROGRAMS[name]
    with Notebook() as nb:
        nb.run(SETTING + made)
        report = nb.run(called)

    assert "x" in silent(report)
    [site] = changes(report)["x"]["sites"]
    assert text in site["inner"]["text"]


@_knows_columns
@pytest.mark.parametrize("name", ["an attribute", "a dict"])
def test_the_fix_of_a_lambda_writes_out_of_place(name):
    made, called = PROGRAMS[name][0], f"z = {PROGRAMS[name][1]}"
    with Notebook() as nb:
        nb.run(SETTING + made)
        fix = changes(nb.run(called))["x"]["fix"]

    assert ["t.mul(2)" in edit["text"] for edit in fix["edits"]] == [True]
    with Notebook() as nb:
        assert [set(), set()] == [silent(nb.run(cell)) for cell in apply_fix([SETTING + made, called], fix)]
