"""What to write instead of a write that a backward cannot stand: one case a rule."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.hazards.fix import Fix
from ipy_tensorwatch.core.hazards.overwritten_fix import fix_overwritten
from ipy_tensorwatch.core.model.records import Inner
from tests.support.records import site, typed, writing

FIXES = {
    "an optimizer's step": (writing("opt.step()", cause="optimizer", is_leaf=True), Fix(kind="backward-before-step", names=("loss",))),
    "a leaf": (writing(is_leaf=True), Fix(kind="backward-before-write", names=("loss",))),
    "bytes that were put back": (writing("%tensorwatch restore h"), Fix(kind="compute-again", names=("loss",))),
    "a line inside a function": (
        writing(site=site(2, "f(h)", inner=Inner(cell=1, line=3, text="t.add_(1)"))),
        Fix(kind="copy-for-function", target=typed("t.add_(1)", 3, 1)),
    ),
    "an in-place method": (writing("h.add_(1)"), Fix(kind="out-of-place", code="h = h.add(1)", target=typed("h.add_(1)"))),
    "an item": (writing("h[0] = 1"), Fix(kind="write-copy", code="h = h.clone()", target=typed("h[0] = 1"))),
    "an array": (writing("a[0] = 1", path="a", is_array=True), Fix(kind="write-copy", code="a = a.copy()", target=typed("a[0] = 1"))),
    "what is no name": (writing("d['h'][0] = 1", path="d['h']"), Fix(kind="copy-or-later")),
    "nobody knows what": (writing(path=None, site=site(2, "f()")), Fix(kind="copy-or-later")),
    "a statement that nobody saw": (writing(site=None), Fix(kind="write-copy", code="h = h.clone()")),
}  # fmt: skip


@pytest.mark.parametrize("name", FIXES)
def test_each_write_has_its_fix(name: str):
    write, expected = FIXES[name]

    assert expected == fix_overwritten(write, ("h",), "loss")


def test_without_a_root_nothing_is_named_to_be_computed_again():
    assert Fix(kind="backward-before-write") == fix_overwritten(writing(is_leaf=True), ("h",), None)


def test_what_a_checkpoint_reads_by_its_name_is_no_better_under_another_tensor():
    assert Fix(kind="copy-for-checkpoint") == fix_overwritten(writing(), ("h",), "loss", is_read_again=True)


def test_a_write_that_nobody_saw_to_what_no_variable_leads_to_has_to_be_found_first():
    assert Fix(kind="find-line") == fix_overwritten(writing(site=None), (), "loss")


def test_a_variable_that_does_not_lie_there_is_not_written_out_of_place():
    assert "write-copy" == fix_overwritten(writing("h.add_(1)"), ("k",), "loss").kind
