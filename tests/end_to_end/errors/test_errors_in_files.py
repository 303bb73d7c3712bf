"""Errors that arise in a user's own file, at statements of several lines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.notebook import Notebook

SOURCE = """
def step(parameters):
    for p in parameters:
        p.add_(
            p.grad,  # the whole of it
            alpha=-1,
        )


def fit(w):
    h = w * 2
    loss = (
        h * h
    ).sum()
    h.add_(1)
    (
        loss
        .backward()
    )


def chain(w):
    return w.add(1).detach().mul(2), w.mul(2), (
        w
        .zero_()
    )
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a module that a cell may import."""
    (tmp_path / "several_lines.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "several_lines", raising=False)
    return tmp_path / "several_lines.py"


def died_of(nb: Notebook, cell: str) -> dict[str, str]:
    """Run a cell that raises; return what is told of the error."""
    nb.run("import torch\nfrom several_lines import chain, fit, step\nw = torch.ones(2, requires_grad=True)")
    nb.run("w.sum().backward()")
    hazards = nb.run(cell, raises=RuntimeError)["hazards"]
    return next(one for one in hazards if one["happened"])


def test_a_write_over_several_lines_is_one_statement(notebook: Notebook, file: Path):
    told = died_of(notebook, "step([w])")

    assert told["message"].startswith(
        "`p.add_( p.grad, alpha=-1, )` in several_lines.py, line 4 raised: `p` (`w`) is a leaf"
    )
    assert "with torch.no_grad(): p.add_(" in told["remedy"]


def test_a_backward_over_several_lines_is_found(notebook: Notebook, file: Path):
    told = died_of(notebook, "fit(w)")

    assert told["message"].startswith("`( loss .backward() )` in several_lines.py, line 16 raised: `h`, local to `fit`")
    assert "likely several_lines.py, line 15: `h.add_(1)`" in told["message"]


def test_of_one_statement_the_part_that_failed_is_meant(notebook: Notebook, file: Path):
    """Python before 3.11 does not tell the part, and the whole statement is looked through."""
    told = died_of(notebook, "chain(w)")

    assert "several_lines.py, line 23 raised: `w` is a leaf" in told["message"]
