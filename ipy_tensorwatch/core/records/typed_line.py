"""A statement as the user typed it, and its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runtime.record import record

if TYPE_CHECKING:
    from .report_parts import Inner, Site


@record
class TypedLine:
    """A statement as typed, and its place in a cell or in a file."""

    line: int
    text: str
    cell: int | None = None
    file: str = ""


def typed_line(cell: int, site: Site | Inner | None) -> TypedLine | None:
    """Return the place of a statement of a cell, or of an inner line that it reached."""
    if site is None:
        return None
    return TypedLine(cell=getattr(site, "cell", cell), line=site.line, text=site.text)
