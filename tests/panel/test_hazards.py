"""Hazards as the panel is told of them: which come first, and what their words lead to."""

from __future__ import annotations

from dataclasses import replace

from ipy_tensorwatch.core.hazards.fix import Fix
from ipy_tensorwatch.core.hazards.hazard import Hazard, Turn
from ipy_tensorwatch.core.hazards.hazard_facts import KeptReference
from ipy_tensorwatch.core.records.report_parts import Inner
from ipy_tensorwatch.panel.hazards import MAX_HAZARDS, tell_hazards, tell_turn
from tests.support.records import hazard as hazard_of
from tests.support.records import site


def hazard(name: str = "h", **more) -> Hazard:
    """Make a hazard of `h.sum().backward()`."""
    made = hazard_of(name, **more)
    return replace(made, fact=replace(made.fact, root=f"{name}.sum()")) if "fact" not in more else made


def began(one: Hazard) -> Turn:
    return Turn(cell=3, hazard=one)


def ended(one: Hazard) -> Turn:
    return Turn(cell=3, hazard=one, why="graph-gone")


def risk(name: str) -> Hazard:
    return hazard(name, outcome="risk")


def read(told) -> list[tuple]:
    """Give for each hazard whose it is and what became of it."""
    return [(one["what"][0][0].partition(".")[0], one["turn"], one["minor"]) for one in told["hazards"]]


def test_new_hazards_come_before_those_that_stand_and_those_before_what_is_over_and_mere_risks():
    stands, new, over = hazard("stands"), hazard("new"), hazard("over")
    turns = [ended(over), began(risk("new_risk")), began(new)]

    told = tell_hazards(turns, [stands, risk("risk"), risk("new_risk"), new])

    assert [
        ("new", "new", False),
        ("stands", None, False),
        ("over", "over", False),
        ("new_risk", "new", True),
        ("risk", None, True),
    ] == read(told)


def test_a_risk_of_a_backward_that_may_never_be_run_goes_without_a_word():
    assert [] == tell_hazards([ended(risk("kept"))])["hazards"]


def test_a_risk_that_needs_no_backward_is_no_minor_one():
    assert [False] == [one["minor"] for one in tell_hazards([began(hazard(code="TW207", outcome="risk"))])["hazards"]]


def test_words_that_name_a_line_lead_there_and_names_to_the_variable():
    told = tell_turn(began(hazard()))

    assert [["h.sum().backward()"], " will raise"] == told["what"]
    assert [
        ["h", "h"],
        ", saved by MulBackward0 in ",
        ["cell 2, line 4", 2, 4],
        ", was overwritten in ",
        ["cell 3, line 2", 3, 2],
        ": ",
        ["h.add_(1)"],
    ] == told["why"]


def test_a_line_inside_a_called_function_is_led_to_as_well_and_a_cell_without_a_line_at_its_first():
    written = site(2, "f(x)", inner=Inner(cell=3, line=4, text="t.add_(1)"))

    why = tell_turn(began(hazard("x", saved_at=None, saved_cell=12, written_at=written)))["why"]

    assert [["cell 12", 12, 1], ["cell 3, line 2", 3, 2], ["cell 3, line 4", 3, 4]] == [
        one for one in why if isinstance(one, list) and len(one) == 3
    ]


def test_the_variable_that_paths_hang_on_is_led_to():
    paths = ("best['w']", "best['b']")

    told = tell_turn(
        began(hazard(paths=paths, fact=KeptReference(container="best", owner="model"), saved_at=None, saved_cell=None))
    )

    assert [["best", "best"], " is not a copy"] == told["what"]
    assert ["its tensors are those of ", ["model"]] == told["why"][:2]


def test_code_that_looks_like_a_place_leads_nowhere():
    name = "d['cell 3, line 2']"

    assert [name, name] == tell_turn(began(hazard(name)))["why"][0]


def test_a_remedy_leads_to_the_cell_that_is_to_be_run_again():
    told = tell_turn(began(hazard(fix=Fix(kind="record-cell", cell=3))))

    assert ["Run ", ["cell 3", 3, 1], " again under ", ["%%tensordiff"]] == told["remedy"][:4]


def test_of_what_is_over_the_reason_and_the_remedy_are_told_no_more():
    told = tell_turn(ended(hazard()))

    assert ("over", ["over: its graph is gone"], []) == (told["turn"], told["why"], told["remedy"])


def test_long_names_and_statements_are_cut_and_lead_to_the_whole():
    name = f"d['{'n' * 5000}']"

    told = tell_turn(began(hazard(name)))

    text, path = told["why"][0]
    assert (301, name) == (len(text), path)
    assert 60 > len(told["why"][-1][0])


def test_of_very_many_hazards_the_first_are_told_and_the_others_counted():
    told = tell_hazards([], [hazard(f"x{place}") for place in range(MAX_HAZARDS + 7)])

    assert (MAX_HAZARDS, 7) == (len(told["hazards"]), told["hazards_left_out"])
