"""Hazards as the panel is told of them: which come first, and what their words lead to."""

from __future__ import annotations

from ipy_tensorwatch.core.model.records import Hazard, Turn
from ipy_tensorwatch.panel.hazards import MAX_HAZARDS, tell_hazards, tell_turn


def hazard(name: str = "h", **more) -> Hazard:
    told = {
        "code": "TW201",
        "outcome": "raises",
        "paths": (name,),
        "op": "MulBackward0",
        "message": f"`{name}.sum().backward()` will raise: `{name}` was overwritten in cell 3, line 2: `{name}.add_(1)`",
        "remedy": "Write out of place.",
    }
    return Hazard(**(told | more))


def began(one: Hazard) -> Turn:
    return Turn(cell=3, hazard=one)


def ended(one: Hazard) -> Turn:
    return Turn(cell=3, hazard=one, why="its graph is gone")


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
    assert [["h", "h"], " was overwritten in ", ["cell 3, line 2", 3, 2], ": ", ["h.add_(1)"]] == told["why"]


def test_a_line_inside_a_called_function_is_led_to_as_well_and_a_cell_without_a_line_at_its_first():
    message = "`x` is wrong: written in cell 12: `f(x)` → cell 3, line 4: `t.add_(1)`"

    why = tell_turn(began(hazard("x", message=message)))["why"]

    assert [["cell 12", 12, 1], ["cell 3, line 4", 3, 4]] == [
        one for one in why if isinstance(one, list) and len(one) == 3
    ]


def test_the_variable_that_paths_hang_on_is_led_to():
    paths = ("best['w']", "best['b']")

    told = tell_turn(began(hazard(paths=paths, message="`best` is no copy: its tensors are those of `model`")))

    assert [["best", "best"], " is no copy"] == told["what"]
    assert ["its tensors are those of ", ["model"]] == told["why"]


def test_code_that_looks_like_a_place_leads_nowhere():
    [code] = tell_turn(began(hazard(message="`d['cell 3, line 2']`")))["what"]

    assert ["d['cell 3, line 2']"] == code


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
