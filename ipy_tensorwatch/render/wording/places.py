"""Cell, line and text of statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.syntax.magic_calls import as_typed
from ..page import Line, Span, code, fill, join_words, quoted, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.records.report_parts import Inner, Origin, Site
    from ...core.records.typed_line import TypedLine


def where(cell: int, site: Site | Inner | Origin | None = None) -> Line:
    """Return cell and line of a statement, as a link.

    Examples
    --------
    >>> str(where(3))
    'cell 3'
    """
    if site is None:
        return Line((Span(f"cell {cell}", leads=(cell, 1)),))
    return Line((Span(f"cell {cell}, line {site.line}", leads=(cell, site.line)),))


def stands(one: TypedLine) -> Line:
    """Return cell or file, and line, of a statement."""
    if one.cell is None:
        return words(f"{one.file}, line {one.line}")
    return Line((Span(f"cell {one.cell}, line {one.line}", leads=(one.cell, one.line)),))


def statement_place(cell: int, site: Site | None) -> Line:
    """Return cell, line and text of a statement.

    Examples
    --------
    >>> from ipy_tensorwatch.core.records.report_parts import Site
    >>> str(statement_place(3, Site(line=2, end_line=2, text="x.add_(1)")))
    'cell 3, line 2: x.add_(1)'
    """
    return where(cell, site) + typed(site)


def typed(site: Site | None) -> Line:
    """Return the text of a site, and of the line inside a function that it led to."""
    if site is None:
        return Line()
    own = fill(": `{text}`", text=as_typed(site.text))
    if site.inner is None:
        return own
    likely = "likely " if site.certainty == "inferred" else ""
    return own + fill(" → {likely}{line}", likely=likely, line=inner_at(site.inner))


def inner_at(inner: Inner) -> Line:
    """Return cell, line and text of a line inside a function."""
    return fill("{place}: `{text}`", place=where(inner.cell, inner), text=inner.text)


def named(names: Sequence[str], joint: str = "and", most: int = 3) -> Line:
    """List at most `most` names, joined by commas and a last `joint`.

    Examples
    --------
    >>> str(named(["a", "b", "c"])), str(named(["a", "b", "c", "d"]))
    ('a, b and c', 'a, b, c and 1 more')
    """
    shown = [code(quoted(one)) for one in names[:most]]
    left = len(names) - most
    if left > 0:
        return join_words(shown, ", ") + words(f" {joint} {left} more")
    return join_words([join_words(shown[:-1], ", "), shown[-1]] if shown[1:] else shown, f" {joint} ")
