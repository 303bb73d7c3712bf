"""The site of a change: which of the candidate lines to show, and its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....core.syntax.magic_calls import as_typed
from ...page import Line, code, words
from ..quantities import count_of
from ..text_width import shorten

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ....core.records.report_parts import Change, Inner, Site

MAX_STATEMENT = 56


def line_of(change: Change) -> Line:
    """Return the line of the cell that wrote."""
    return line_at(change.sites[0]) if change.sites else Line()


def site_text(change: Change) -> Line:
    """Return the text of the statement that wrote, and of the line inside the function that it called."""
    if not change.sites:
        return Line()
    site = change.sites[0]
    return text_at(site) + words(_others(change, site))


def line_at(site: Site) -> Line:
    """Return the line or lines of a site within its cell."""
    return words(f"likely {_lines(site)}" if _is_guess(site) else _lines(site))


def text_at(site: Site) -> Line:
    """Return the text of a site, and of the line inside the function that it called."""
    shown = statement(site.text)
    if site.inner is not None:
        likely = "likely " if site.certainty == "inferred" else ""
        shown += words(f" → {likely}") + inner_line(site.inner)
    return shown


def _is_guess(site: Site) -> bool:
    return site.certainty == "inferred" and site.inner is None


def _others(change: Change, shown: Site) -> str:
    """Name the one other site that wrote or may have written, or give the number of several."""
    places = {(one.line, one.inner): one for one in reversed(change.sites)}
    del places[shown.line, shown.inner]
    others = list(places.values())
    if not others:
        return ""
    told = _place(others[0], shown) if len(others) == 1 else count_of(len(others), "line")
    return f" ({_sign(shown, others)} {told})"


def _sign(shown: Site, others: Iterable[Site]) -> str:
    if not any(map(_is_guess, (shown, *others))):
        return "+"
    return "+ likely" if shown.certainty == "observed" else "or"


def _place(site: Site, shown: Site) -> str:
    if site.inner is not None and site.line == shown.line:
        return f"cell {site.inner.cell}, line {site.inner.line}"
    return _lines(site)


def _lines(site: Site) -> str:
    return f"line {site.line}" if site.line == site.end_line else f"lines {site.line}–{site.end_line}"


def inner_line(inner: Inner) -> Line:
    """Return cell, line and text of a line inside a function of the notebook."""
    return words(f"cell {inner.cell}, line {inner.line}: ") + statement(inner.text)


def statement(text: str, most: int = MAX_STATEMENT) -> Line:
    """Show a statement as typed, shortened; calls that IPython made of a magic become the magic again."""
    return code(shorten(as_typed(text), most))
