"""Paint a page as HTML for a notebook. The only place that escapes."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .measure import clean
from .page import Table
from .style import STYLE

if TYPE_CHECKING:
    from .page import Line, Page, Row


def write_html(page: Page) -> str:
    """Write a page as one element with its own style; without scripts."""
    parts = "".join(_table(part) if isinstance(part, Table) else f"<p>{_line(part)}</p>" for part in page.parts)
    return f'<div class="ipytw"><style>{STYLE}</style><p class="ipytw-head">{_escape(page.head)}</p>{parts}</div>'


def _table(table: Table) -> str:
    used = [place for place in range(len(table.head)) if any(str(row.cells[place]) for row in table.rows)]
    head = "".join(f'<th scope="col">{_escape(table.head[place])}</th>' for place in used)
    body = "".join(_row(row, used) for row in table.rows)
    more = f'<p class="ipytw-more">{_escape(table.more)}</p>' if table.more else ""
    caption = f"<caption>{_escape(table.caption)}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _row(row: Row, used: list[int]) -> str:
    first, *others = used
    sign = '<span class="ipytw-sign" role="img" aria-label="silent">▲</span> ' if row.silent else ""
    cells = f'<th scope="row">{sign}{_line(row.cells[first])}</th>'
    cells += "".join(f"<td>{_line(row.cells[place])}</td>" for place in others)
    mark = ' class="ipytw-silent"' if row.silent else ""
    return f"<tr{mark}>{cells}</tr>"


def _line(line: Line) -> str:
    return "".join(f"<code>{_escape(one.text)}</code>" if one.code else _escape(one.text) for one in line.spans)


def _escape(text: str) -> str:
    return escape(clean(text))
