"""The page of `%tensorwatch history`: the latest changes, and the beginnings and ends of hazards, cell by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..page import Page, Row, Table, code, words
from ..wording.changes.fold_changes import fold_by_cell, gather
from ..wording.hazards.hazard_sentences import message, over
from ..wording.quantities import count_of, few
from .summary_page import COLUMNS, change_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.hazards.hazard import Turn
    from ..wording.changes.fold_changes import Fold, Past


def history(past: Past, limit: int, path: str | None = None, turns: Sequence[Turn] = ()) -> Page:
    """Show the latest `limit` changes and hazard turns, oldest first."""
    whose = f" of {path}" if path else ""
    if not past and not turns:
        return Page(head=f"tensorwatch  history{whose}", parts=(words("nothing has changed yet"),))
    head = f"tensorwatch  history{whose}  {count_of(len(past), 'change')}"
    changes = (history_table(past, limit, path),) if past else ()
    hazards = (turn_table(turns, limit),) if turns else ()
    return Page(head=head, parts=(*changes, *hazards))


def history_table(past: Past, limit: int, path: str | None) -> Table:
    """Lay out changes of several cells; similar changes of one container in one cell share a row."""
    rows = [_row(count, one) for count, one in fold_by_cell(past)]
    left = len(rows) - limit
    whose = f" {path}" if path else ""
    return Table(
        caption="Changes by cell",
        head=("cell", *COLUMNS),
        rows=tuple(rows[-limit:]),
        more=f"… and {left:,} earlier: %tensorwatch history -n {len(rows)}{whose}" if left > 0 else "",
    )


def _row(count: int, one: Fold) -> Row:
    return Row(cells=(words(f"[{count}]"), *change_cells(one)), silent=one.change.silent)


MAX_NAMES = 3


def turn_table(turns: Sequence[Turn], limit: int) -> Table:
    """Lay out the latest `limit` turns, oldest first."""
    left = len(turns) - limit
    return Table(
        caption="Hazards by cell",
        head=("cell", "hazard", "tensors", "what happened"),
        rows=tuple(_turn_row(one) for one in turns[-limit:]),
        more=f"… and {left:,} earlier" if left > 0 else "",
    )


def _turn_row(turn: Turn) -> Row:
    names, left = few([text for text, _ in gather(turn.hazard.paths)], MAX_NAMES)
    told = code(", ".join(names)) + words(f" and {left} more" if left else "")
    what = message(turn.hazard) if turn.why is None else over(turn)
    return Row(cells=(words(f"[{turn.cell}]"), words(turn.hazard.code), told, what))
