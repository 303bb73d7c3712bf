"""Paint a page as text for a terminal, which leaves pictures out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .measure import clean, pad, shorten, width
from .page import Picture, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .page import Page, Row

GAP = "   "
SILENT = " ▲ "
MAX_COLUMN = 130


def write_text(page: Page) -> str:
    """Write a page as lines without trailing blanks."""
    lines = [f" {clean(page.head)}"]
    parts = [part for part in page.parts if not isinstance(part, Picture)]
    for place, part in enumerate(parts):
        if isinstance(part, Table):
            lines += _table(part)
        else:
            after_table = place > 0 and isinstance(parts[place - 1], Table)
            lines += [*([""] if after_table else []), GAP + clean(str(part))]
    return "\n".join(line.rstrip() for line in lines)


def _table(table: Table) -> list[str]:
    rows = [_cells(row) for row in table.rows]
    head = [] if table.bare else [list(table.head)]
    columns = [max(map(width, column)) for column in zip(*head, *rows, strict=True)]
    used = [place for place, row in enumerate(zip(*rows, strict=True)) if any(row)] if rows else []
    lines = [] if table.bare else ["", f" {clean(table.caption)}"]
    lines += [GAP + _aligned(row, columns, used) for row in head if rows]
    lines += [_sign(row, table) + _aligned(cells, columns, used) for row, cells in zip(table.rows, rows, strict=True)]
    return [*lines, GAP + table.more] if table.more else lines


def _cells(row: Row) -> list[str]:
    return [shorten(clean(str(cell)), MAX_COLUMN) for cell in row.cells]


def _sign(row: Row, table: Table) -> str:
    return SILENT if row.silent and not table.bare else GAP


def _aligned(cells: Sequence[str], columns: Sequence[int], used: Sequence[int]) -> str:
    return GAP.join(pad(cells[place], columns[place]) for place in used)
