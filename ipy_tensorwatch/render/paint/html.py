"""Write a page as HTML for a notebook; all text is escaped here."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..page import DetailEntry, Line, Page, PagePart, Picture, Row, Strip, Table
from ..wording.tensor_facts import dirt
from ..wording.text_width import clean, shorten_middle, width
from .style import ENTRY_STYLE, LINK_STYLE, PICTURE_STYLE, STYLE
from .svg import draw_svg

if TYPE_CHECKING:
    from collections.abc import Iterable


WRAPPED = frozenset(("statement", "relation", "meaning", "values", "tensors"))
"""Columns that may be broken into several lines."""

MIN_WRAPPED, EM_PER_LETTER = 32, 0.57
"""The minimum width of a wrapped column, in letters of code, and the width of a letter in em."""


MAX_SHORT = 24
"""A cell of at most so many letters is never broken."""

MANY = 5
"""From this number of columns on, a row takes several lines where there is little room."""

MAX_NAME = 24
"""Maximum length of a name beside a picture, in characters."""

IN_PANEL = '<button data-commandlinker-command="ipy-tensorwatch:open">in the panel</button>'
"""Opens the panel in JupyterLab, which connects such a button to its command."""


def write_html(page: Page) -> str:
    """Return a page as one HTML element with its own style and no scripts."""
    parts = "".join(map(_part, page.parts))
    used = {PICTURE_STYLE: "<svg" in parts, ENTRY_STYLE: "ipytw-entry" in parts, LINK_STYLE: page.in_panel}
    style = STYLE + "".join(rules for rules, is_used in used.items() if is_used)
    head = _escape(page.head) + (f" {IN_PANEL}" if page.in_panel else "")
    return f'<div class="ipytw"><style>{style}</style><p class="ipytw-head">{head}</p>{parts}</div>'


def _part(part: PagePart) -> str:
    if isinstance(part, Table):
        return _table(part)
    if isinstance(part, DetailEntry):
        lines = "".join(f"<p>{_line(line)}</p>" for line in part.lines)
        return f'<div class="ipytw-entry"><p>{_escape(part.label)}</p><div>{lines}</div></div>'
    return _picture(part) if isinstance(part, Picture) else f"<p>{_line(part)}</p>"


def _table(table: Table) -> str:
    used = [place for place in range(len(table.head)) if any(str(row.cells[place]) for row in table.rows)]
    body = f"<tbody>{''.join(_row(row, table, used) for row in table.rows)}</tbody>"
    more = f'<p class="ipytw-more">{_escape(table.more)}</p>' if table.more else ""
    caption = _escape(table.caption)
    many = "ipytw-many" if len(used) >= MANY else ""
    if table.bare:
        return f'<table{_class(many)} aria-label="{caption}">{body}</table>{more}'
    signed = "ipytw-signed" if any(row.silent for row in table.rows) else ""
    head = _head(table.head[place] for place in used)
    key = f'<p class="ipytw-key">{_escape(table.key)}</p>' if table.key else ""
    return f"<table{_class(f'{signed} {many}'.strip())}><caption>{caption}</caption>{head}{body}</table>{more}{key}"


def _head(names: Iterable[str]) -> str:
    cells = "".join(f'<th scope="col">{_escape(name)}</th>' for name in names)
    return f"<thead><tr>{cells}</tr></thead>"


def _row(row: Row, table: Table, used: list[int]) -> str:
    first, *others = used
    is_marked = row.silent and not table.bare
    sign = '<span class="ipytw-sign" role="img" aria-label="silent">▲</span> ' if is_marked else ""
    short = "ipytw-short" if width(str(row.cells[first])) <= MAX_SHORT else ""
    cells = f'<th scope="row"{_class(short)}>{sign}{_line(row.cells[first])}</th>'
    cells += "".join(_cell(table.head[place], row.cells[place]) for place in others)
    mark = "ipytw-silent" if row.silent else "ipytw-above" if row.picture else ""
    below = (
        f'<tr class="ipytw-below"><td colspan="{len(used)}">{_picture(row.picture)}</td></tr>' if row.picture else ""
    )
    return f"<tr{_class(mark)}>{cells}</tr>{below}"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _picture(picture: Picture) -> str:
    strips = "".join(_strip(one, picture.nbytes) for one in picture.strips)
    more = f'<p class="ipytw-more">{_escape(picture.more)}</p>' if picture.more else ""
    return f'<table class="ipytw-picture" aria-label="{_escape(picture.caption)}"><tbody>{strips}</tbody></table>{more}'


def _strip(strip: Strip, nbytes: int) -> str:
    title = f"{strip.name}: {strip.place}" + (f"; {dirt(strip.dirty, strip.lane)}" if strip.dirty else "")
    name = shorten_middle(clean(strip.name), MAX_NAME)
    cells = "".join(f"<td>{_escape(one)}</td>" for one in (strip.place, *strip.facts))
    drawing = draw_svg(strip, nbytes, _escape(title))
    return f'<tr><th scope="row"><code>{_escape(name)}</code></th><td>{drawing}</td>{cells}</tr>'


def _cell(name: str, line: Line) -> str:
    if name not in WRAPPED:
        short = "ipytw-short" if width(str(line)) <= MAX_SHORT else ""
        return f"<td{_class(short)}>{_line(line)}</td>"
    least = EM_PER_LETTER * min(width(str(line)), MIN_WRAPPED)
    return f'<td class="ipytw-wrapped" style="min-width:{least:.3g}em">{_line(line)}</td>'


def _line(line: Line) -> str:
    return "".join(f"<code>{_escape(one.text)}</code>" if one.code else _escape(one.text) for one in line.spans)


def _escape(text: str) -> str:
    return escape(clean(text))
