"""Hazards in words: what will go wrong and who did it, then what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..page import Entry, Line, marked, words
from .measure import count_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...core.model.records import Hazard, Turn


def hazard_lines(hazards: Sequence[Hazard], limit: int) -> Iterator[Entry | Line]:
    """Tell hazards, each with its remedy."""
    for one in hazards[:limit]:
        yield Entry(label=one.code, lines=(marked(one.message), marked(one.remedy)))
    left = len(hazards) - limit
    if left > 0:
        yield words(f"… and {count_of(left, 'more hazard')}: %tensorwatch")


def outcome_and_reason(hazard: Hazard) -> tuple[Line, Line]:
    """Part what will go wrong from how it came to this."""
    return _part(marked(hazard.message), ": ")


def brief(hazard: Hazard) -> str:
    """Say in a few words what will go wrong: `loss.backward() will raise`."""
    return str(_part(outcome_and_reason(hazard)[0], ", ")[0])


def over(turn: Turn) -> Line:
    """Say why a hazard is over."""
    return words(f"over: {turn.why}")


def _part(line: Line, sign: str) -> tuple[Line, Line]:
    """Part a line at the first sign that stands among its words; one in code is part of a name."""
    for place, span in enumerate(line.spans):
        before, found, behind = span.text.partition(sign)
        if found and not span.code:
            return Line(line.spans[:place]) + words(before), words(behind) + Line(line.spans[place + 1 :])
    return line, Line()
