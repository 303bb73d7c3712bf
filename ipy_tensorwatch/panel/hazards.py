"""Hazards for the panel: the same words as in every other output, with links to variables and lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.records.path import is_part_of
from ..render.wording.changes.sites import MAX_STATEMENT
from ..render.wording.hazards.explained_changes import explains_any
from ..render.wording.hazards.fix_sentences import remedy
from ..render.wording.hazards.hazard_sentences import message_of, over
from ..render.wording.text_width import shorten
from .compact import MAX_TEXT, clip

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ..core.hazards.hazard import Hazard, Turn
    from ..core.records.report_parts import Change
    from ..render.page import Line
    from .change_lines import Told

    HazardTurn = tuple[Hazard, Turn | None]

MAX_HAZARDS = 100
"""Maximum number of hazards per cell; standing hazards are sent again with each cell."""


def tell_hazards(
    turns: Sequence[Turn],
    hazards: Sequence[Hazard] = (),
    hushed: Collection[str] = (),
    changes: Sequence[Change] = (),
) -> Told:
    """Return the hazards that began with a cell, those that stand, and those that ended.

    Minor hazards come last, and their end is left out. Those whose key is in `hushed` are marked so, and those
    that explain one of the silent changes.
    """
    begun = {turn.hazard.mark for turn in turns if turn.why is None}
    entries: list[HazardTurn] = [
        (turn.hazard, turn) for turn in turns if turn.why is None or turn.hazard.is_worth_saying
    ]
    entries += [(one, None) for one in hazards if one.mark not in begun]
    entries.sort(key=_urgency)
    silent = {one.path: one for one in [change for change in changes if change.silent][:MAX_HAZARDS]}
    return {
        "hazards": [_tell(*one) | _more(one[0], hushed, silent) for one in entries[:MAX_HAZARDS]],
        "hazards_left_out": max(0, len(entries) - MAX_HAZARDS),
    }


def _more(hazard: Hazard, hushed: Collection[str], silent: Mapping[str, Change]) -> Told:
    """Return the key by which the user can ask not to be told again, whether they did, and whether it explains more."""
    told = {"hushed": hazard.key in hushed, "explains": explains_any(hazard, silent)}
    return {"key": hazard.key} | {name: True for name, is_so in told.items() if is_so}


def _urgency(entry: HazardTurn) -> tuple[bool, int]:
    hazard, turn = entry
    return not hazard.is_worth_saying, 1 if turn is None else 0 if turn.why is None else 2


def tell_turn(turn: Turn) -> Told:
    """Return the beginning or the end of a hazard as JSON."""
    return _tell(turn.hazard, turn)


def _tell(hazard: Hazard, turn: Turn | None) -> Told:
    message = message_of(hazard)
    ending = over(turn) if turn is not None and turn.why is not None else None
    return {
        "code": hazard.code,
        "outcome": hazard.outcome,
        "turn": turn and ("new" if ending is None else "over"),
        "minor": not hazard.is_worth_saying,
        "what": [*_links(message.head, hazard)],
        "why": [*_links(message.reason if ending is None else ending, hazard, MAX_STATEMENT)],
        "remedy": [*_links(remedy(hazard.fix), hazard)] if ending is None else [],
    }


def _links(line: Line, hazard: Hazard, limit: int = MAX_TEXT) -> Iterator[str | list[Any]]:
    """Yield a line as JSON: words as strings; code as a list, followed by the variable or place that it names."""
    for span in line.spans:
        if span.leads:
            yield [span.text, *span.leads]
        elif not span.code:
            yield clip(span.text)
        elif _names(span.text, hazard.paths):
            yield [clip(span.text), span.text]
        else:
            yield [shorten(span.text, limit)]


def _names(text: str, paths: Sequence[str]) -> bool:
    """Return whether a text is one of the paths, or a prefix of one."""
    return text in paths or any(is_part_of(path, text) for path in paths)
