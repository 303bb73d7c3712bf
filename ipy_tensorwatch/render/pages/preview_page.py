"""The page of `%tensorwatch preview`: what a cell would change, before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..page import Line, Page, Row, Table, code, words
from ..wording.changes.phrases import names
from ..wording.changes.sites import line_at, text_at
from ..wording.hazards.hazard_sentences import message
from ..wording.quantities import count_of, few

if TYPE_CHECKING:
    from ...core.preview.foresee import ForetoldChange, Unread
    from ..preview import Preview

MAX_FORETOLD = 20
_UNREAD: dict[Unread | None, str] = {
    None: "no silent change foreseen",
    "syntax": "not read: this is not valid Python",
    "length": "not read: the cell is too long",
    "time": "not read: it would take too long",
}


def show_preview(preview: Preview, cell: int | None = None) -> Page:
    """Show what a cell would change silently, and which hazards it would make."""
    count = len(preview.changes)
    told = count_of(count, "silent change") if count else _UNREAD[preview.unread]
    head = f"tensorwatch  preview{'' if cell is None else f' of cell {cell}'}  {told}"
    parts: list[Table | Line] = [_table(preview.changes)] if count else []
    parts += [words(f"{one.code} ({one.outcome}): ") + message(one) for one in preview.hazards]
    return Page(head=head, parts=tuple(parts))


def _table(changes: tuple[ForetoldChange, ...]) -> Table:
    shown, left = few(changes, MAX_FORETOLD)
    return Table(
        caption="Would also change",
        head=("variable", "through", "line", "statement"),
        rows=tuple(Row(cells=_cells(one), silent=True) for one in shown),
        more=f"… and {left:,} more" if left else "",
    )


def _cells(one: ForetoldChange) -> tuple[Line, ...]:
    change, site = one.change, one.change.site
    likely = words("likely ") if one.certainty == "likely" else Line()
    place = (line_at(site), text_at(site)) if site else (Line(), Line())
    return likely + code(change.path), names(change.via), *place
