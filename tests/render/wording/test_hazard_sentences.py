"""Hazards in words, whole and in short."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.model.records import Hazard, Turn
from ipy_tensorwatch.render.wording.hazard_sentences import brief, outcome_and_reason, over


def hazard(message: str) -> Hazard:
    return Hazard(code="TW201", outcome="raises", paths=("h",), op=None, message=message, remedy="…")


@pytest.mark.parametrize(
    ("message", "outcome", "reason"),
    [
        ("`loss.backward()` will raise: `h` was: `x`", "loss.backward() will raise", "h was: x"),
        ("`d['a: b']` is no copy: its tensors", "d['a: b'] is no copy", "its tensors"),
        ("backward will raise", "backward will raise", ""),
    ],
)
def test_what_will_go_wrong_ends_at_the_first_colon_that_is_no_part_of_a_name(message, outcome, reason):
    assert (outcome, reason) == tuple(map(str, outcome_and_reason(hazard(message))))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("`loss.backward()` will raise: `h`, saved", "loss.backward() will raise"),
        ("the next backward will give wrong gradients, without an error: `a`", "the next backward will give wrong gradients"),
        ("reading `d['a, b']` can crash the kernel, printing it too: freed.", "reading d['a, b'] can crash the kernel"),
    ],
)  # fmt: skip
def test_in_short_a_hazard_is_told_without_its_reason_and_without_an_aside(message, expected):
    assert expected == brief(hazard(message))


def test_a_hazard_that_is_over_tells_why():
    assert "over: its graph is gone" == str(over(Turn(cell=3, hazard=hazard("…"), why="its graph is gone")))
