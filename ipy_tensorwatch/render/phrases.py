"""A change in words: how it came about, where, how much, and what PyTorch's version counter saw."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .measure import shorten, spell_number
from .page import Line, code, join, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.records import Change, Elements, Example, Inner, Site

MAX_NAMES = 3
MAX_STATEMENT = 56

_MAGIC = re.compile(r"get_ipython\(\)\.run_(?P<kind>cell|line)_magic\('(?P<name>\w+)', '(?P<rest>[^']*)'")

_CAUSES = {
    "direct": "written by name",
    "call": "changed inside a call",
    "alias": "changed, not named",
    "optimizer": "updated by an optimizer",
    "backward": "changed by backward",
    "module": "changed by its module",
    "outside": "changed between cells",
}
_KINDS = {"touched": "version went up, same bytes", "bound": "new", "unbound": "gone", "rebound": "another tensor now"}


def how(change: Change, via: Sequence[str] | None = None) -> Line:
    """Say how a change came about."""
    through = tuple(change.via if via is None else via)
    if change.kind == "metadata":
        return words(f"{', '.join(change.fields)} changed")
    if change.kind != "mutated":
        return words(_KINDS[change.kind])
    if through and change.silent:
        return words("changed through ") + names(through)
    return words(_CAUSES.get(change.cause or "", "changed"))


def names(paths: Sequence[str]) -> Line:
    """List access paths, the first few of them."""
    shown = join([code(path) for path in paths[:MAX_NAMES]], ", ")
    left = len(paths) - MAX_NAMES
    return shown + words(f" and {left} more") if left > 0 else shown


def line_of(change: Change) -> Line:
    """Say which line of the cell wrote."""
    if not change.sites:
        return Line()
    site = _main(change)
    likely = "likely " if site.certainty == "inferred" and site.inner is None else ""
    return words(likely + _lines(site))


def _main(change: Change) -> Site:
    """Choose the site to show, one that was seen to write before one that only may have."""
    return next((site for site in change.sites if site.certainty == "observed"), change.sites[0])


def _lines(site: Site) -> str:
    return f"line {site.line}" if site.line == site.end_line else f"lines {site.line}–{site.end_line}"


def text_of(change: Change) -> Line:
    """Give the text of the statement that wrote, and of the line inside the function that it called."""
    if not change.sites:
        return Line()
    site = _main(change)
    shown = statement(site.text)
    if site.inner is not None:
        likely = "likely " if site.certainty == "inferred" else ""
        shown += words(f" → {likely}") + inner_line(site.inner)
    more = len(dict.fromkeys((one.line, one.inner) for one in change.sites)) - 1
    return shown + words(f" and {more} more") if more else shown


def inner_line(inner: Inner) -> Line:
    """Name a line inside a function of the notebook."""
    return words(f"cell {inner.cell}, line {inner.line}   ") + statement(inner.text)


def statement(text: str) -> Line:
    """Show a statement as it was typed, shortened: IPython runs `%time x` as a call."""
    call = _MAGIC.match(text)
    if call is not None:
        sign, name, rest = ("%%" if call["kind"] == "cell" else "%"), call["name"], call["rest"]
        text = f"{sign}{name} {rest}".rstrip()
    return code(shorten(text, MAX_STATEMENT))


def amount(change: Change, elements: Elements | None = None) -> Line:
    """Say how many elements changed, and by how much at most."""
    found = elements or change.elements
    if change.kind != "mutated":
        return Line()
    if not change.verified:
        return words("bytes not compared")
    if found is None:
        return words("bytes differ")
    if found.changed is None:
        return words(f"some of {found.total:,} elements")
    size = "" if found.max_abs is None else f", max |Δ| {spell_number(found.max_abs)}"
    if found.max_abs is None and any(isinstance(one.after, str) for one in found.examples):
        size = ", no finite |Δ|"
    return words(f"{found.changed:,} of {found.total:,} {'element' if found.total == 1 else 'elements'}{size}")


def counter(change: Change) -> Line:
    """Say what the version counter saw, and since when the bytes may be different."""
    before, after = change.versions
    parts = []
    if change.versioned is False:
        parts.append("autograd cannot see it" if after is None else f"v{after}, autograd cannot see it")
    elif before is not None and after is not None and before != after:
        parts.append(f"v{before} → v{after}")
    if change.since is not None:
        parts.append(f"since cell {change.since}")
    return words(", ".join(parts))


def values(elements: Elements | None, limit: int) -> Line:
    """Show a few elements, before and after."""
    if elements is None or not limit:
        return Line()
    return code(", ".join(_example(one) for one in elements.examples[:limit]))


def _example(one: Example) -> str:
    index = f"[{', '.join(map(str, one.index))}] " if one.index else ""
    return f"{index}{spell_number(one.before)} → {spell_number(one.after)}"
