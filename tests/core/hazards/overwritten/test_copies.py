"""Who gets a copy where a write cannot be rewritten: the write, the node that saved, or a module's input."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.hazards.overwritten.overwritten_fix import fix_overwritten
from ipy_tensorwatch.core.hazards.overwritten.saved_copy import Saving
from ipy_tensorwatch.core.hazards.overwritten.stale_results import Stale
from ipy_tensorwatch.core.records.trace.notebook import Notebook
from tests.support.records import site, writing

CALL = site(2, "y = net(x)")
STALE = Stale(names=("loss",))


def saving(line: int, cell: int = 3) -> Saving:
    return Saving(cell, site(line, "loss = (h * w).sum()"), is_output=False, paths=("h",))


def within(**classes: str) -> Saving:
    """Make a call that saved and wrote, of a network with modules that write to their inputs."""
    inplace = frozenset((*classes, "other.act"))
    notebook = Notebook(inplace=inplace, classes={**classes, "other.act": "ReLU"})
    return Saving(3, CALL, is_output=False, paths=("h",), notebook=notebook)


@pytest.mark.parametrize(
    ("saved", "code"),
    [
        (saving(4), "loss = (h.clone() * w).sum()"),
        (saving(2), "h = h.clone()"),
        (saving(4, cell=2), "h = h.clone()"),
    ],
)
def test_a_write_before_the_line_that_saves_in_a_loop_is_no_longer_read_where_the_save_is_a_copy(
    saved: Saving, code: str
):
    assert code == fix_overwritten(writing("h[0] = 1"), ("h",), STALE, saved).code


@pytest.mark.parametrize(
    ("path", "line", "kind"),
    [("a", 4, "save-copy"), ("a", 1, "out-of-place"), ("h", 4, "out-of-place"), (None, 4, "out-of-place")],
)
def test_an_alias_that_comes_round_is_not_rebound(path: str | None, line: int, kind: str):
    assert kind == fix_overwritten(writing("a.add_(1)", path=path), ("a", "h"), STALE, saving(line)).kind


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        ({"net.act": "ReLU", "net.norm": "BatchNorm1d"}, ("module-keeps-input", "net.act.inplace = False")),
        ({"net.a": "ReLU", "net.b": "SiLU"}, ("module-keeps-input", "net.a.inplace = False; net.b.inplace = False")),
        ({"net.norm": "BatchNorm1d"}, ("copy-or-later", "")),
    ],
)
def test_modules_of_one_call_that_saved_and_wrote_keep_their_inputs(modules: dict[str, str], expected: tuple[str, str]):
    fix = fix_overwritten(writing(site=CALL, path="x"), ("x",), STALE, within(**modules))

    assert expected == (fix.kind, fix.code or "")


def test_nothing_is_copied_before_the_statement_that_makes_it():
    assert "copy-or-later" == fix_overwritten(writing("h = act(w)"), ("h",), STALE).kind
    assert "write-copy" == fix_overwritten(writing("h = act(h)"), ("h",), STALE).kind
