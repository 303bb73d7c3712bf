"""A page: what is to be shown, before anybody decides whether as text or as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..core.memory.changed_bytes import Dirty
    from ..core.memory.strided_layout import Lane


@dataclass(frozen=True, slots=True)
class Span:
    """A run of words, or of code."""

    text: str
    code: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """Spans one behind the other."""

    spans: tuple[Span, ...] = ()

    def __str__(self) -> str:
        """Join the spans."""
        return "".join(span.text for span in self.spans)

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


def join(lines: list[Line], gap: str) -> Line:
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
class Entry:
    """Sentences beside a label; the first says what is the case, those after it what to do."""

    label: str
    lines: tuple[Line, ...]


Part = Table | Line | Picture | Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A headline, then its parts."""

    head: str
    parts: tuple[Part, ...] = ()
