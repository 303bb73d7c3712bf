"""What to write instead of a write that a backward cannot stand: one case a rule."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.hazards.fix import Fix
from ipy_tensorwatch.core.hazards.overwritten.overwritten_fix import fix_overwritten
from ipy_tensorwatch.core.hazards.overwritten.saved_copy import Saving, save_copy
from ipy_tensorwatch.core.hazards.overwritten.stale_results import Stale
from ipy_tensorwatch.core.interpreter.cell_definitions import definitions_in
from ipy_tensorwatch.core.records.report_parts import Inner
from ipy_tensorwatch.core.records.trace.notebook import Notebook
from tests.support.records import site, typed, writing

STALE = Stale(names=("loss",))
INSIDE = writing(site=site(2, "f(h)", inner=Inner(cell=1, line=2, text="t.add_(1)")))
SAVED = Saving(2, site(4, "loss = (h * w).sum()"), is_output=False, paths=("h",))
SAVES_COPY = Fix(
    kind="save-copy", code="loss = (h.clone() * w).sum()", target=typed("loss = (h * w).sum()", 4, 2), says_where=True
)

FIXES = {
    "a leaf": (writing("w.zero_()", is_leaf=True), Fix(kind="backward-before-statement", names=("loss",), other="w.zero_()")),
    "a leaf, inside a function": (writing(is_leaf=True, site=INSIDE.site), Fix(kind="backward-before-statement", names=("loss",))),
    "bytes that were put back": (writing("%tensorwatch restore h"), Fix(kind="compute-again", names=("loss",))),
    "a line inside a function": (INSIDE, Fix(kind="copy-for-function", target=typed("t.add_(1)", 2, 1))),
    "an in-place method": (writing("h.add_(1)"), Fix(kind="out-of-place", code="h = h.add(1)", other="h = h.clone()", target=typed("h.add_(1)"))),
    "an item": (writing("h[0] = 1"), Fix(kind="write-copy", code="h = h.clone()", target=typed("h[0] = 1"))),
    "an array": (writing("a[0] = 1", path="a", is_array=True), Fix(kind="write-copy", code="a = a.copy()", target=typed("a[0] = 1"))),
    "what is no name": (writing("d['h'][0] = 1", path="d['h']"), Fix(kind="copy-or-later")),
    "what the statement does not name": (writing("step()"), Fix(kind="copy-or-later")),
    "nobody knows what": (writing(path=None, site=site(2, "f()")), Fix(kind="copy-or-later")),
    "a statement that nobody saw": (writing(site=None), Fix(kind="write-copy", code="h = h.clone()")),
}  # fmt: skip


@pytest.mark.parametrize("name", FIXES)
def test_each_write_has_its_fix(name: str):
    write, expected = FIXES[name]

    assert expected == fix_overwritten(write, ("h",), STALE)


@pytest.mark.parametrize(
    "write", [INSIDE, writing("step()"), writing("d['h'][0] = 1", path="d['h']"), writing(is_leaf=True)]
)
def test_where_the_write_cannot_be_rewritten_a_copy_is_saved(write):
    assert SAVES_COPY == fix_overwritten(write, ("h",), STALE, SAVED)


def test_a_line_inside_a_function_is_rewritten_where_it_may_rebind_the_name():
    notebook = Notebook(definitions=definitions_in("def f(t):\n    t.add_(1)\n    return t", 1))
    saving = Saving(2, site(4, "loss = g()"), is_output=False, paths=("h",), notebook=notebook)

    fix = fix_overwritten(INSIDE, ("h",), STALE, saving)

    assert ("out-of-place", "t = t.add(1)", typed("t.add_(1)", 2, 1)) == (fix.kind, fix.code, fix.target)


@pytest.mark.parametrize(
    ("stale", "expected"),
    [
        (Stale(names=("loss",), is_due=True), Fix(kind="compute-again", names=("loss",), target=typed("opt.step()"))),
        (Stale(names=("h",), root="loss"), Fix(kind="compute-again", names=("h",), other="loss", target=typed("opt.step()"))),
        (Stale(names=("h", "loss")), Fix(kind="backward-before-statement", names=("h", "loss"), other="opt.step()")),
    ],
)  # fmt: skip
def test_of_a_step_all_that_is_stale_is_computed_again(stale: Stale, expected: Fix):
    assert expected == fix_overwritten(writing("opt.step()", cause="optimizer"), ("h",), stale)


def test_what_a_checkpoint_reads_by_its_name_is_no_better_under_another_tensor():
    assert Fix(kind="copy-for-checkpoint") == fix_overwritten(writing(), ("h",), STALE, is_read_again=True)


def test_a_write_that_nobody_saw_to_what_no_variable_leads_to_has_to_be_found_first():
    assert Fix(kind="find-line") == fix_overwritten(writing(site=None), (), STALE)


def test_a_variable_that_does_not_lie_there_is_not_written_out_of_place():
    assert "write-copy" == fix_overwritten(writing("h.add_(1)"), ("k",), STALE).kind


def test_a_result_is_saved_as_a_copy_where_it_is_bound():
    assert "h = w.exp().clone()" == save_copy(Saving(1, site(1, "h = w.exp()"), is_output=True, paths=("h",))).code
    assert save_copy(Saving(1, site(1, "loss = f(w)"), is_output=True, paths=("h",))) is None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f():\n    return (w * buf).sum()", "return (w * buf.clone()).sum()"),
        ("def f(buf):\n    return (w * buf).sum()", None),
        ("def f():\n    a = buf * 2\n    return (a * buf).sum()", None),
    ],
)
def test_the_only_line_of_a_function_that_reads_a_variable_saves_a_copy(source: str, expected: str | None):
    notebook = Notebook(definitions=definitions_in(source, 1))

    fix = save_copy(Saving(2, site(1, "loss = f()"), is_output=False, paths=("buf",), notebook=notebook))

    assert expected == (fix and fix.code)
