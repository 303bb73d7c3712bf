"""Hazards from cell to cell, their codes, and the edits of their fixes."""

from __future__ import annotations

from typing import get_args

import pytest

from ipy_tensorwatch.core.hazards.codes import OF_BACKWARD, OUTCOMES, HazardCode
from ipy_tensorwatch.core.hazards.fix import Displayed, Edit, Fix, Preceding, Replacing, with_edits
from ipy_tensorwatch.core.hazards.lasting_hazard import Lasting
from tests.support.records import hazard, reading, site, snapshot, typed


def test_a_hazard_is_the_same_from_cell_to_cell_whatever_its_variables_are_called():
    assert hazard("h").mark != hazard("k").mark  # their lines differ
    assert hazard("h").mark == hazard("h", paths=("k",), happened=True).mark
    assert hazard().mark != hazard(outcome="wrong").mark
    assert hazard().mark != hazard(code="TW202").mark
    assert hazard().mark != hazard(op="ExpBackward0").mark
    nowhere = {"saved_at": None, "saved_cell": None, "written_at": None, "written_cell": None}
    assert hazard("h", **nowhere).mark != hazard("k", **nowhere).mark


@pytest.mark.parametrize("place", ["saved_at", "saved_cell", "written_at", "written_cell"])
def test_another_place_is_another_hazard(place: str):
    assert hazard().mark != hazard(**{place: site(9) if place.endswith("at") else 9}).mark


def test_the_risk_of_a_backward_goes_unsaid_and_any_other_hazard_is_said():
    assert {"TW201", "TW202", "TW205", "TW209", "TW212", "TW213"} == OF_BACKWARD
    assert [True, False, True] == [
        one.is_worth_saying
        for one in (hazard(), hazard(outcome="risk"), hazard(code="TW207", outcome="risk"))
    ]  # fmt: skip


def test_a_hazard_lasts_while_its_paths_lead_where_they_led():
    one = Lasting.of(hazard(), [("x", reading(1, 5)), ("y", reading(2, 6))])

    assert one.holds_in(snapshot(x=reading(1, 5), y=reading(2, 6, version=9)))
    assert not one.holds_in(snapshot(x=reading(1, 5), y=reading(3, 6)))
    assert not one.holds_in(snapshot(x=reading(1, 7), y=reading(2, 6)))
    assert not one.holds_in(snapshot(x=reading(1, 5)))


def test_every_code_has_its_outcomes():
    assert get_args(HazardCode) == (*OUTCOMES,)


SOURCE = "import torch\nfor _ in range(2):\n    h.add_(1)  # twice\nfor row in x: row.mul_(2)\na = 1; h.mul_(\n    2)\n変 = 1; h.div_(3)\nif h.add_(1) is None:\n    pass"

REPLACED = {
    "a line of its own": (typed("h.add_(1)", 3), (3, 3, "    NEW  # twice")),
    "a line behind another statement": (typed("h.mul_( 2)", 5), (5, 6, "a = 1; NEW")),
    "a line behind letters of several bytes": (typed("h.div_(3)", 7), (7, 7, "変 = 1; NEW")),
    "the body of a loop on its line": (typed("row.mul_(2)", 4), (4, 4, "for row in x: NEW")),
}
REPLACED_BY_BLOCK = {
    "behind another statement": (typed("h.div_(3)", 7), (7, 7, "変 = 1\nwith no_grad(): NEW")),
    "the body of a loop on its line": (typed("row.mul_(2)", 4), (4, 4, "for row in x:\n    with no_grad(): NEW")),
}
HEADS = {"the head of a loop": (typed("for row in x:", 4), "for row in [x]:", (4, 4, "for row in [x]: row.mul_(2)"))}


def edited(fix: Fix, source: str = SOURCE):
    found = with_edits(fix, lambda cell: source if cell == 3 else "")
    return [(one.cell, one.line, one.end_line, one.text) for one in found.edits], found.applicability


@pytest.mark.parametrize("name", REPLACED_BY_BLOCK)
def test_code_with_a_header_stands_on_a_line_of_its_own(name: str):
    target, expected = REPLACED_BY_BLOCK[name]

    assert ([(3, *expected)], "unsafe") == edited(Fix(kind="no-grad", code="with no_grad(): NEW", target=target))


@pytest.mark.parametrize("name", REPLACED)
def test_code_takes_the_place_of_a_statement_and_of_nothing_else(name: str):
    target, expected = REPLACED[name]

    assert ([(3, *expected)], "unsafe") == edited(Fix(kind="out-of-place", code="NEW", target=target))


def test_the_head_of_a_loop_is_replaced_without_its_body():
    target, code, expected = HEADS["the head of a loop"]

    assert ([(3, *expected)], "unsafe") == edited(Fix(kind="one-by-one", code=code, target=target))


def test_code_that_goes_before_a_statement_is_indented_as_that_is():
    fix = Fix(kind="write-copy", code="h = h.clone()", target=typed("h.add_(1)", 3))

    assert ([(3, 3, 2, "    h = h.clone()")], "unsafe") == edited(fix)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (typed("h.mul_( 2)", 5), (5, 5, "a = 1; NEW; h.mul_(")),
        (typed("row.mul_(2)", 4), (4, 4, "for row in x: NEW; row.mul_(2)")),
    ],
)
def test_code_goes_in_front_of_a_statement_that_does_not_begin_its_line(target, expected):
    assert ([(3, *expected)], "unsafe") == edited(Fix(kind="write-copy", code="NEW", target=target))


@pytest.mark.parametrize(
    "fix",
    [
        Fix(kind="out-of-place", code="h = h.add(1)", target=typed("h.add_(1)", 2)),  # it stands elsewhere
        Fix(kind="out-of-place", code="h = h.add(2)", target=typed("h.add_(2)", 3)),
        Fix(kind="out-of-place", code="with torch.no_grad() pass", target=typed("h.div_(3)", 7)),  # no Python then
        Fix(kind="out-of-place", code="h = h.add(1)", target=typed("h.add_(1)", 3, cell=4)),  # its source is not known
        Fix(kind="out-of-place", code="h = h.add(1)", target=typed("h.add_(1)", 3, cell=None, file="a.py")),
        Fix(kind="out-of-place", code="h = h.add(1)"),
        Fix(kind="out-of-place", target=typed("h.div_(3)", 7)),
        Fix(kind="out-of-place", code="NEW", target=typed("h.mul_( 2)", 6)),  # it begins above
        Fix(kind="deep-copy", code="best = copy.deepcopy(best)", target=typed("h.add_(1)", 3)),
        Fix(kind="write-copy", code="h = ", target=typed("h.add_(1)", 3)),
    ],
)
def test_without_a_statement_that_can_be_edited_a_fix_is_words_only(fix: Fix):
    assert ([], "display") == edited(fix)


def test_in_code_that_a_magic_runs_lines_are_those_of_the_cell():
    cell = "y = 1\nget_ipython().run_cell_magic('time', '', 'x = 1\\nh.add_(1)\\n')"

    fix = with_edits(Fix(kind="out-of-place", code="h = h.add(1)", target=typed("h.add_(1)", 4)), lambda _: cell)

    assert (Edit(cell=3, line=4, end_line=4, text="h = h.add(1)"),) == fix.edits


def test_every_kind_of_fix_is_applied_in_one_way():
    kinds = [*get_args(Replacing), *get_args(Preceding), *get_args(Displayed)]

    assert len(kinds) == len({*kinds})
