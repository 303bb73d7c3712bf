"""What a fix is tried on: the statements that lead to a change, and only pure ones."""

from __future__ import annotations

import ast

import pytest

from ipy_tensorwatch.core.fixes.derivation import FixContext
from ipy_tensorwatch.core.fixes.pure_statements import is_pure
from ipy_tensorwatch.core.fixes.replay import Replay, plan_replay
from ipy_tensorwatch.core.fixes.silent_change_fix import change_fixes
from tests.support.records import change, reading, site, snapshot

NAMES = snapshot(x=reading(1), y=reading(2))


def plan(cells: dict[int, str]) -> Replay | None:
    """Plan the trial of a change of `x` through `y` in the last cell."""
    one = change(sites=(site(line=1),))
    fix = next(change_fixes(one, FixContext(cell=max(cells), after=NAMES, cells=cells)), None)
    assert fix is not None
    return plan_replay(one, fix, ["x"], max(cells), cells)


def test_only_statements_that_lead_to_the_change_run_again():
    cells = {
        1: "import os, torch\nx = torch.ones(3)\nz = open('f')",
        2: "y = x.detach()\nprint(y)",
        3: "y.add_(1)\nprint(x)",
    }
    found = plan(cells)

    assert found is not None
    assert ("x = torch.ones(3)", "y = x.detach()") == found.before
    assert ("y.add_(1)",) == found.during
    assert ("x = torch.ones(3)", "y = x.detach().clone()") == found.mended_before


def test_what_cannot_run_again_is_given_by_its_value():
    found = plan({1: "x = torch.rand(3)", 2: "y = x.detach()", 3: "y.add_(1)"})

    assert found is not None
    assert {"x": 1} == found.given
    assert ("y = x.detach()",) == found.before


@pytest.mark.parametrize(
    "more", ["torch.save(y, 'f')", "plot(y)", "y.normal_()", "y.numpy().tofile('f')", "while True: y.sum()"]
)
def test_nothing_runs_again_where_a_statement_is_not_pure(more: str):
    assert plan({1: "x = torch.ones(3)", 2: "y = x.detach()", 3: f"y.add_(1)\n{more}"}) is None


@pytest.mark.parametrize(
    "text",
    [
        "open('f')", "x = torch.load('f')", "np.save('f', x)", "x.tofile('f')", "exec('1')", "torch.manual_seed(0)",
        "x = torch.empty(3)", "x.__class__", "import os", "y = torch.rand(3)", "torch.set_default_dtype(x)",
        "x = torch.zeros(30000, 30000)", "x = 2 ** 100", "global x", "np.lib.stride_tricks.as_strided(x, (9,))",
        "getattr(x, 'save')()", "x.register_hook(f)", "async def f(): pass", "x = (yield 1)", "f(x)",
    ],
)  # fmt: skip
def test_statements_that_reach_outside_are_not_pure(text: str):
    assert not is_pure(ast.parse(text).body[0])


@pytest.mark.parametrize(
    "text",
    ["x = y[1:].view(-1).mul_(2)", "for i in range(3):\n    x[i] += np.sin(i)", "with torch.no_grad(): x.zero_()"],
)
def test_plain_computation_is_pure(text: str):
    assert is_pure(ast.parse(text).body[0])


class Uncopied:
    def __deepcopy__(self, memo: object):
        raise AssertionError("a file was copied")


def test_no_file_is_copied_whose_nodes_know_their_parents(monkeypatch):
    """All trees share one `ast.Load()`, and `executing` gives it a parent: a node of the last file that it read."""
    shared = ast.parse("x", mode="eval").body.ctx
    monkeypatch.setattr(shared, "parent", Uncopied(), raising=False)
    found = plan({1: "x = torch.ones(3)", 2: "y = x.detach()", 3: "for i in range(2):\n    y.add_(i)"})

    assert found is not None
    assert ("for i in range(2):\n    _tick_()\n    y.add_(i)",) == found.during


def test_what_the_statements_of_other_cells_do_is_read_once_for_all_fixes(monkeypatch: pytest.MonkeyPatch):
    read: list[ast.stmt] = []
    monkeypatch.setattr(
        "ipy_tensorwatch.core.fixes.replay.is_pure", lambda node, functions=(): read.append(node) or True
    )
    first = {1: "x = torch.ones(7)\na = x + 1\nb = a + 2\nc = b + 3", 2: "y = x.detach()", 3: "y.add_(1)"}

    assert plan(first) is not None
    known = len(read)
    assert plan(first) is not None
    assert 0 < known == len(read)
