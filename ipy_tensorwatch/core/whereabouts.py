"""Where a hazard's statement stands, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .records import Site


def locate(cell: int, site: Site | None) -> str:
    """Tell a cell, and the line where it is known.

    Examples
    --------
    >>> locate(3, None)
    'cell 3'
    """
    return f"cell {cell}" if site is None else f"cell {cell}, line {site.line}"


def quote(cell: int, site: Site | None) -> str:
    """Tell a cell, line and statement, and the line inside a called function; the text is code between backquotes.

    Examples
    --------
    >>> from ipy_tensorwatch.core.records import Site
    >>> quote(3, Site(line=2, end_line=2, text="x.add_(1)"))
    'cell 3, line 2: `x.add_(1)`'
    """
    told = locate(cell, site)
    if site is not None:
        told += f": `{_plain(site.text)}`"
        if site.inner:
            told += f" → cell {site.inner.cell}, line {site.inner.line}: `{_plain(site.inner.text)}`"
    return told


def _plain(text: str) -> str:
    return text.replace("`", "'")
