"""Where two variables became one memory, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..page import Line, words
from .places import where
from .sites import statement

if TYPE_CHECKING:
    from ...core.model.records import Origin


MAX_ORIGIN = 40
"""The maximum length of the statement, in columns."""


def origin_line(origin: Origin | None) -> Line:
    """Return cell and line of the statement after which two variables were one memory.

    Examples
    --------
    >>> from ipy_tensorwatch.core.model.records import Origin
    >>> origin = Origin(a="x", b="y", cell=2, line=3, end_line=3, text="y = x.detach()", how="detach")
    >>> str(origin_line(origin)), str(origin_text(origin))
    ('cell 2, line 3', 'y = x.detach()')
    """
    if origin is None:
        return Line()
    return words("likely " if origin.certainty == "inferred" else "") + where(origin.cell, origin)


def origin_text(origin: Origin | None) -> Line:
    """Return the text of that statement, shortened."""
    return statement(origin.text, MAX_ORIGIN) if origin else Line()
