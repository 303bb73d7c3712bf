"""Write a page as text for a terminal, without pictures."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from ..page import DetailEntry, Picture, Table
from ..wording.measure import clean, pad, shorten, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..page import Line, Page, Row

GAP = "   "
SILENT = " ▲ "
MAX_COLUMN = 130
MAX_SENTENCE = 100
_HELD = "\N{WORD JOINER}"
"""Stands for a blank at which no line may break; `clean` has removed it from the text itself."""


def write_text(page: Page) -> str:
    """Return a page as lines without trailing blanks."""
    lines = [f" {clean(page.head)}"]
    parts = [part for part in page.parts if not isinstance(part, Picture)]
    for place, part in enumerate(parts):
        after_table = place > 0 and isinstance(parts[place - 1], Table) and not isinstance(part, Table)
        lines += [*([""] if after_table else []), *_part(part)]
    return "\n".join(line.rstrip() for line in lines)


def _part(part: Table | Line | DetailEntry) -> list[str]:
    if isinstance(part, Table):
        return _table(part)
    return _entry(part) if isinstance(part, DetailEntry) else [GAP + clean(str(part))]


def _entry(entry: DetailEntry) -> list[str]:
    label = f"{GAP}{clean(entry.label)}  "
    rows = [row for line in entry.lines for row in _wrapped(line)]
    return [(" " * len(label) if place else label) + row for place, row in enumerate(rows)]


def _wrapped(line: Line) -> list[str]:
    """Wrap a sentence at blanks between words, never inside code."""
    whole = "".join(clean(span.text).replace(" ", _HELD) if span.code else clean(span.text) for span in line.spans)
    return [row.replace(_HELD, " ") for row in wrap(whole, MAX_SENTENCE, break_on_hyphens=False)]


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
