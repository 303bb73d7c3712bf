"""Hazards in words: what will go wrong and who did it, then what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .measure import count_of
from .page import marked, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..core.records import Hazard
    from .page import Line


def hazard_lines(hazards: Sequence[Hazard], limit: int) -> Iterator[Line]:
    """Tell hazards, each in a line of its own with a second one for the remedy."""
    for one in hazards[:limit]:
        yield words(f"{one.code}  ") + marked(one.message)
        yield words(" " * (len(one.code) + 2)) + marked(one.remedy)
    left = len(hazards) - limit
    if left > 0:
        yield words(f"… and {count_of(left, 'more hazard')}: %tensorwatch")
