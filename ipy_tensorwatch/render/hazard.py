"""Hazards in words: what will go wrong and who did it, then what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .measure import count_of
from .page import Entry, marked, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..core.records import Hazard
    from .page import Line


def hazard_lines(hazards: Sequence[Hazard], limit: int) -> Iterator[Entry | Line]:
    """Tell hazards, each with its remedy."""
    for one in hazards[:limit]:
        yield Entry(label=one.code, lines=(marked(one.message), marked(one.remedy)))
    left = len(hazards) - limit
    if left > 0:
        yield words(f"… and {count_of(left, 'more hazard')}: %tensorwatch")
