"""Write a page as text for a terminal, without pictures."""

from __future__ import annotations

import sys
from textwrap import wrap
from typing import TYPE_CHECKING

from ..page import DetailEntry, Line, Page, PagePart, Picture, Row, Table
from ..wording.text_width import clean, pad, shorten, width

if TYPE_CHECKING:
    from collections.abc import Sequence


GAP = "   "
INDENT = 2 * GAP
"""Precedes the lines of a row that does not fit on one."""
SILENT = " ▲ "
MAX_COLUMN = 130
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"
SILENT_STYLE, HAZARD_STYLE = "\x1b[31m", "\x1b[33m"
MAX_SENTENCE = 100
MIN_SENTENCE = 20
IN_PANEL = "  (in the panel)"
_FILLER = "\N{ZERO WIDTH SPACE}"
"""Follows a letter that is two columns wide: lines are wrapped by their number of letters."""
_HELD = "\N{WORD JOINER}"
"""Stands for a blank at which no line may break; `clean` has removed it from the text itself."""


def write_text(page: Page, columns: int = sys.maxsize, *, color: bool = False) -> str:
    """Return a page as lines without trailing blanks.

    Parameters
    ----------
    columns
        The width of the terminal: what is wider is wrapped, and the rows of a table that is wider are stacked.
    color
        Whether to mark the headline, what changed silently, and the codes of hazards with ANSI colours.
    """
    lines = _broken(f" {clean(page.head)}{IN_PANEL if page.in_panel else ''}", columns)
    painted = [_paint(line, 0, len(line), BOLD) for line in lines] if color else lines
    parts = [part for part in page.parts if not isinstance(part, Picture)]
    for before, part in zip((None, *parts), parts):  # noqa: B905  (the last part is before none)
        painted += [*([""] if _are_apart(before, part) else []), *_part(part, columns, color=color)]
    return "\n".join(line.rstrip() for line in painted)


def _are_apart(before: PagePart | None, part: PagePart) -> bool:
    """Return whether a blank line parts a table from what stands before or after it; a caption brings its own."""
    if isinstance(part, Table):
        return part.bare and before is not None
    return isinstance(before, Table) and not (before.bare and isinstance(part, Line))


def _part(part: Table | Line | DetailEntry, columns: int, *, color: bool) -> list[str]:
    if isinstance(part, Line):
        return _broken(GAP + clean(str(part)), columns)
    if isinstance(part, Table):
        lines, spans = _table(part, columns)
    else:
        lines, spans = _entry(part, columns), {0: len(clean(part.label))}
    style = SILENT_STYLE if isinstance(part, Table) else HAZARD_STYLE
    for place, length in spans.items() if color else ():
        lines[place] = _paint(lines[place], len(GAP), length, style)
    return lines


def _paint(line: str, start: int, length: int, style: str) -> str:
    return f"{line[:start]}{style}{line[start : start + length]}{PLAIN}{line[start + length :]}"


def _entry(entry: DetailEntry, columns: int) -> list[str]:
    label = f"{GAP}{clean(entry.label)}  "
    room = min(MAX_SENTENCE, columns - len(label))
    rows = [row for line in entry.lines for row in _wrapped(line, room)]
    return [(" " * len(label) if place else label) + row for place, row in enumerate(rows)]


def _wrapped(line: Line, room: int) -> list[str]:
    """Wrap a sentence at blanks between words, and inside code only where it is longer than a line."""
    whole = "".join(clean(span.text).replace(" ", _HELD) if span.code else clean(span.text) for span in line.spans)
    return [row.replace(_HELD, " ") for row in wrap(whole, max(room, MIN_SENTENCE), break_on_hyphens=False)]


def _table(table: Table, columns: int) -> tuple[list[str], dict[int, int]]:
    """Return the lines of a table, and of the lines that begin a silent row the length of its first cell."""
    rows = [_cells(row) for row in table.rows]
    head = [] if table.bare else [list(table.head)]
    widths = [max(map(width, column)) for column in zip(*head, *rows, strict=True)]
    used = [place for place, row in enumerate(zip(*rows, strict=True)) if any(row)] if rows else []
    is_wide = len(GAP) * len(used) + sum(widths[place] for place in used) > columns
    lines = [] if table.bare else ["", f" {clean(table.caption)}"]
    if not is_wide:
        lines += [GAP + _aligned(row, widths, used) for row in head if rows]
    spans: dict[int, int] = {}
    for row, cells in zip(table.rows, rows, strict=True):
        if row.silent:
            spans[len(lines)] = len(cells[0])
        shown = [cells[place] for place in used if cells[place]]
        sign = _sign(row, table)
        lines += _stacked(sign, shown, columns) if is_wide else [sign + _aligned(cells, widths, used)]
    return [*lines, *(_broken(GAP + table.more, columns) if table.more else ())], spans


def _cells(row: Row) -> list[str]:
    return [shorten(clean(str(cell)), MAX_COLUMN) for cell in row.cells]


def _sign(row: Row, table: Table) -> str:
    return SILENT if row.silent and not table.bare else GAP


def _aligned(cells: Sequence[str], widths: Sequence[int], used: Sequence[int]) -> str:
    return GAP.join(pad(cells[place], widths[place]) for place in used)


def _stacked(sign: str, cells: Sequence[str], columns: int) -> list[str]:
    """Return a row on as few lines as it takes."""
    lines = [sign + cells[0]] if cells else []
    for cell in cells[1:]:
        joined = f"{lines[-1]}{GAP}{cell}"
        if width(joined) <= columns:
            lines[-1] = joined
        else:
            lines.append(INDENT + cell)
    return [part for line in lines for part in _broken(line, columns)]


def _broken(line: str, columns: int) -> list[str]:
    """Break a line that is wider than the terminal."""
    if width(line) <= columns:
        return [line]
    start = line[: len(line) - len(line.lstrip())]
    spread = "".join(letter + _FILLER * (width(letter) - 1) for letter in line.strip())
    rows = wrap(spread, columns, initial_indent=start, subsequent_indent=INDENT, break_on_hyphens=False)
    return [row.replace(_FILLER, "") for row in rows]
