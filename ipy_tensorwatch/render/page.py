"""A page: the content of an output, independent of its format (text or HTML)."""

from __future__ import annotations

from itertools import groupby
from string import Formatter
from typing import TYPE_CHECKING

from ..core.runtime.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..core.memory.changed_bytes import Dirty
    from ..core.memory.strided_layout import Lane

_FORMATTER = Formatter()


@record(kw_only=False)
class Span:
    """A run of words or of code; `leads` is the (cell, line) that the words link to."""

    text: str
    code: bool = False
    leads: tuple[int, int] | None = None


@record(kw_only=False)
class Line:
    """A sequence of spans."""

    spans: tuple[Span, ...] = ()

    def __str__(self) -> str:
        """Join the spans."""
        return "".join(span.text for span in self.spans)

    @property
    def marked(self) -> str:
        """The text of the spans, with code between backquotes."""
        return "".join(f"`{span.text}`" if span.code else span.text for span in self.spans)

    def __add__(self, other: Line) -> Line:
        """Append another line."""
        return Line(self.spans + other.spans)


def words(text: str) -> Line:
    """Make a line of words."""
    return Line((Span(text),) if text else ())


def code(text: str) -> Line:
    """Make a line of code."""
    return Line((Span(text, code=True),) if text else ())


def marked(text: str) -> Line:
    """Make a line from text that marks code with backquotes."""
    return Line(tuple(Span(part, code=place % 2 == 1) for place, part in enumerate(text.split("`")) if part))


def fill(template: str, **fields: Line | str) -> Line:
    """Fill the fields of a template; text between backquotes becomes code.

    Examples
    --------
    >>> fill("`{root}.backward()` {will} raise", root="loss", will="will").spans
    (Span(text='loss.backward()', code=True, leads=None), Span(text=' will raise', code=False, leads=None))
    """
    spans: list[Span] = []
    is_code = False
    for literal, name, _, _ in _FORMATTER.parse(template):
        for place, part in enumerate(literal.split("`")):
            is_code ^= place > 0
            spans.append(Span(part, code=is_code))
        value = fields[name] if name else ""
        spans += value.spans if isinstance(value, Line) else [Span(quoted(value) if is_code else value, code=is_code)]
    return Line(tuple(_merged(spans)))


def clause(template: str, it: Line | str | None) -> Line:
    """Fill a template with the one field `it`; return an empty line if it is empty or None.

    Examples
    --------
    >>> str(clause(" of `{it}`", "h")), str(clause(" of `{it}`", None))
    (' of h', '')
    """
    return fill(template, it=it) if it else Line()


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Merge adjacent spans of the same style and drop empty ones."""
    for (is_code, leads), alike in groupby(spans, key=lambda one: (one.code, one.leads)):
        text = "".join(one.text for one in alike)
        if text:
            yield Span(text, is_code, leads)


def quoted(text: str) -> str:
    """Replace backquotes in code, so that they cannot end the quotes around it."""
    return text.replace("`", "'")


def join_words(lines: list[Line], gap: str) -> Line:
    """Join lines with words between them."""
    joined = Line()
    for place, line in enumerate(lines):
        joined = joined + words(gap) + line if place else line
    return joined


@record
class Strip:
    """One variable in a picture of memory.

    Attributes
    ----------
    shade
        The index of its colour; variables that cover the same bytes share one.
    place, facts
        Where in the block its bytes lie, and further facts, in words.
    """

    name: str
    lane: Lane
    dirty: Dirty | None
    shade: int
    place: str
    facts: tuple[str, ...]


@record
class Picture:
    """A block of memory with a strip for each variable in it; text output leaves pictures out.

    `nbytes` is the size of the block.

    Attributes
    ----------
    more
        What was left out, in words.
    """

    caption: str
    nbytes: int
    strips: tuple[Strip, ...]
    more: str = ""


@record
class Row:
    """One row of a table, optionally with a picture below it; a silent change also gets a sign, not only a colour."""

    cells: tuple[Line, ...]
    silent: bool = False
    picture: Picture | None = None


@record
class Table:
    """Rows under column headings.

    Attributes
    ----------
    bare
        Show the rows alone, without caption, headings and signs.
    more
        What was left out, in words.
    key
        The legend of the pictures.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    bare: bool = False
    more: str = ""
    key: str = ""


@record
class DetailEntry:
    """Sentences beside a label; the first states the problem, the others what to do."""

    label: str
    lines: tuple[Line, ...]


PagePart = Table | Line | Picture | DetailEntry


@record
class Page:
    """A headline, then its parts.

    Attributes
    ----------
    in_panel
        Whether the rest of it is in the panel, to which the headline leads.
    """

    head: str
    parts: tuple[PagePart, ...] = ()
    in_panel: bool = False
