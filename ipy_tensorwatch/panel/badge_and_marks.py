"""What is visible while the panel is closed: the badge and the marked lines."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from ..core.runtime.grouped import grouped
from ..render.wording.editor_sentences import also_changes, outcomes
from ..render.wording.hazards.explained_changes import is_of_its_container
from .compact import MAX_TEXT, clip

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ..core.hazards.hazard import Hazard, Turn
    from .past_cells import PastCell

MAX_MARKED = 100
"""Maximum number of cells whose marks are sent at once, the latest ones."""


def is_news(one: PastCell, hushed: Collection[str]) -> bool:
    """Return whether a cell has silent changes or new hazards."""
    return any(change.silent for change in one.changes) or any(_begun(one.turns, hushed))


def news(cells: Sequence[PastCell], hushed: Collection[str]) -> dict[str, Any]:
    """Return the badge's numbers for the last of some cells, and the lines to be marked in all of them, as plain JSON.

    The marks are those of lines that made silent changes or caused hazards, in the latest run of each cell.
    """
    last = cells[-1]
    latest = {one.id or f"[{one.cell.count}]": one for one in cells}
    return {
        "count": last.cell.count,
        "cell": last.id,
        "silent": sum(change.silent for change in last.changes),
        "hazards": len([*_begun(last.turns, hushed)]),
        "marks": [mark for one in [*latest.values()][-MAX_MARKED:] for mark in _marks(one, hushed)],
    }


def _marks(one: PastCell, hushed: Collection[str]) -> list[dict[str, Any]]:
    marks = sorted([*_changed(one, hushed), *_endangered(one, hushed)], key=lambda mark: (mark[0], mark[1] == "hazard"))
    return [_mark(one, *mark) | {"cell": one.id} for mark in marks]


def _begun(turns: Sequence[Turn], hushed: Collection[str]) -> Iterator[Hazard]:
    for turn in turns:
        if turn.why is None and turn.hazard.is_worth_saying and turn.hazard.key not in hushed:
            yield turn.hazard


def _changed(one: PastCell, hushed: Collection[str]) -> Iterator[tuple[int, str, str]]:
    """Yield (line, kind, text) for each line that made silent changes.

    Those in a container that a marked hazard names are left out.
    """
    marked = [hazard for hazard in _begun(one.turns, hushed) if _is_marked(hazard, one)]
    told = (change for change in one.changes if change.silent and change.sites)
    alone = (change for change in told if not any(is_of_its_container(hazard, change) for hazard in marked))
    for line, changes in grouped(alone, lambda change: change.sites[0].line).items():
        yield line, "silent", also_changes([change.path for change in changes])


def _endangered(one: PastCell, hushed: Collection[str]) -> Iterator[tuple[int, str, str]]:
    """Yield (line, kind, text) for each line that caused a hazard."""
    marked = (
        (site.line, each) for each in _begun(one.turns, hushed) if (site := each.written_at) and _is_marked(each, one)
    )
    for line, hazards in grouped(marked, itemgetter(0)).items():
        yield line, "hazard", clip(outcomes(each for _, each in hazards))


def _is_marked(hazard: Hazard, one: PastCell) -> bool:
    return hazard.written_at is not None and hazard.written_cell == one.cell.count


def _mark(one: PastCell, line: int, kind: str, text: str) -> dict[str, Any]:
    """Return the mark of one line, with its source, so that a cell that was edited since is not marked."""
    source = one.cell.source.split("\n")[line - 1 : line]
    told = {"count": one.cell.count, "line": line, "kind": kind, "text": text}
    return told | {"source": source[0]} if source and len(source[0]) <= MAX_TEXT else told
