"""The beginnings and ends of hazards, as a table of `%tensorwatch history`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...page import Row, Table, code, words
from ..changes.fold_changes import gather
from ..measure import few
from .hazard_sentences import message, over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ....core.hazards.hazard import Turn

MAX_NAMES = 3


def turn_table(turns: Sequence[Turn], limit: int) -> Table:
    """Lay out the latest `limit` turns, oldest first."""
    left = len(turns) - limit
    return Table(
        caption="Hazards by cell",
        head=("cell", "hazard", "tensors", "what happened"),
        rows=tuple(_row(one) for one in turns[-limit:]),
        more=f"… and {left:,} earlier" if left > 0 else "",
    )


def _row(turn: Turn) -> Row:
    names, left = few([text for text, _ in gather(turn.hazard.paths)], MAX_NAMES)
    told = code(", ".join(names)) + words(f" and {left} more" if left else "")
    what = message(turn.hazard) if turn.why is None else over(turn)
    return Row(cells=(words(f"[{turn.cell}]"), words(turn.hazard.code), told, what))
