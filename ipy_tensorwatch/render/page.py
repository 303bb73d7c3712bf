"""A page: what is to be shown, before anybody decides whether as text or as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from string import Formatter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..core.memory.changed_bytes import Dirty
    from ..core.memory.strided_layout import Lane

_FORMATTER = Formatter()


@dataclass(frozen=True, slots=True)
class Span:
    """A run of words, or of code; `leads` is the cell and the line that words name."""

    text: str
    code: bool = False
    leads: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Spans one behind the other."""

    spans: tuple[Span, ...] = ()

    def __str__(self) -> str:
        """Join the spans."""
        return "".join(span.text for span in self.spans)

    @property
    def marked(self) -> str:
        """Join the spans, code between backquotes."""
        return "".join(f"`{span.text}`" if span.code else span.text for span in self.spans)

    def __add__(self, other: Line) -> Line:
        """Put another line behind this one."""
        return Line(self.spans + other.spans)


def words(text: str) -> Line:
    """Make a line of words."""
    return Line((Span(text),) if text else ())


def code(text: str) -> Line:
    """Make a line of code."""
    return Line((Span(text, code=True),) if text else ())


def marked(text: str) -> Line:
    """Make a line of words in which code stands between backquotes."""
    return Line(tuple(Span(part, code=place % 2 == 1) for place, part in enumerate(text.split("`")) if part))


def fill(template: str, **fields: Line | str) -> Line:
    """Fill a sentence's fields; what stands between backquotes is code.

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


def clause(template: str, it: str | None) -> Line:
    """Fill a clause that names one thing; nothing where there is none.

    Examples
    --------
    >>> str(clause(" of `{it}`", "h")), str(clause(" of `{it}`", None))
    (' of h', '')
    """
    return fill(template, it=it) if it else Line()


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Join neighbours that are alike, and leave out what is empty."""
    for (is_code, leads), alike in groupby(spans, key=lambda one: (one.code, one.leads)):
        text = "".join(one.text for one in alike)
        if text:
            yield Span(text, is_code, leads)


def quoted(text: str) -> str:
    """Keep code from ending the backquotes that it stands in."""
    return text.replace("`", "'")


def join_words(lines: list[Line], gap: str) -> Line:
    """Put lines one behind the other, with words between them."""
    joined = Line()
    for place, line in enumerate(lines):
        joined = joined + words(gap) + line if place else line
    return joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One variable in a picture of memory.

    Attributes
    ----------
    shade
        The number of its colour; variables that cover the same bytes have the same.
    place, facts
        Where in the block its bytes lie, and what else is to be told, in words.
    """

    name: str
    lane: Lane
    dirty: Dirty | None
    shade: int
    place: str
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A block of memory with a strip for each variable that lies in it; text goes without.

    Attributes
    ----------
    more
        What was left out, in words.
    """

    caption: str
    nbytes: int
    strips: tuple[Strip, ...]
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row, with a picture below it or without; a silent change is marked by a sign, not by colour alone."""

    cells: tuple[Line, ...]
    silent: bool = False
    picture: Picture | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a head.

    Attributes
    ----------
    bare
        Whether the rows are shown alone, without caption, head and signs.
    more
        What was left out, in words.
    key
        How the pictures are to be read.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    bare: bool = False
    more: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailEntry:
    """Sentences beside a label; the first says what is the case, those after it what to do."""

    label: str
    lines: tuple[Line, ...]


PagePart = Table | Line | Picture | DetailEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A headline, then its parts."""

    head: str
    parts: tuple[PagePart, ...] = ()
