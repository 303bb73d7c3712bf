"""A change in words: its cause, its amount, and what PyTorch's version counter recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...page import Line, code, join_words, words
from ..quantities import few, spell_number
from .fold_changes import FOLD_FROM, gather

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ....core.records.report_parts import Change, Elements, Example

MAX_NAMES = 3

_CAUSES = {
    "direct": "written by name",
    "call": "changed inside a call",
    "alias": "changed, but no line names it",
    "optimizer": "updated by an optimizer or by hand",
    "backward": "changed by backward",
    "module": "changed by its module",
    "object": "changed by its own method",
    "leftover": "the same memory under another name",
    "component": "part of a sparse tensor",
    "outside": "changed between cells",
}
_KINDS = {
    "touched": "same bytes, but the version counter rose",
    "bound": "new",
    "unbound": "gone",
    "rebound": "another tensor now",
}


def how(change: Change, via: Sequence[str] | None = None) -> Line:
    """Return the cause of a change."""
    through = tuple(change.via if via is None else via)
    if change.kind == "metadata":
        return words(f"{', '.join(change.fields)} changed")
    if change.kind != "mutated":
        return words(_KINDS[change.kind])
    if through and change.silent:
        return words("changed through ") + names(through)
    return words(_CAUSES.get(change.cause or "", "changed"))


def counted(label: str, count: int) -> Line:
    """Name one tensor, or several of one container with their number."""
    return code(label) + words(f" ({count:,} tensors)" if count > 1 else "")


def names(paths: Sequence[str]) -> Line:
    """List access paths; if they are many, those of one variable share a label and only the first few are listed."""
    listed = gather(paths, FOLD_FROM if len(paths) > MAX_NAMES + 1 else len(paths) + 1)
    shown, left = few(listed, MAX_NAMES)
    line = join_words(
        [code(text) + words(f" ({len(alike):,})" if len(alike) > 1 else "") for text, alike in shown], ", "
    )
    more = sum(len(alike) for _, alike in listed[len(shown) :])
    return line + words(f" and {more:,} more") if left else line


def amount(change: Change, elements: Elements | None = None) -> Line:
    """Return how many elements changed, and the largest absolute difference."""
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
        size = ", NaN or infinite now"
    return words(f"{found.changed:,} of {found.total:,} {'element' if found.total == 1 else 'elements'}{size}")


def counter(change: Change) -> Line:
    """Return the change of the version counter, and since which cell the bytes may differ."""
    parts = [_seen(change)] if change.since is None else [_seen(change), f"since cell {change.since}"]
    return words(", ".join(part for part in parts if part))


def _seen(change: Change) -> str:
    before, after = change.versions
    moved = f"v{before} → v{after}" if None not in (before, after) and before != after else ""
    if change.versioned is not False:
        return moved
    same = "" if after is None else f"v{after} as before"
    return ": ".join(part for part in (moved or same, "autograd cannot see it") if part)


def values(elements: Elements | None, limit: int) -> Line:
    """Show at most `limit` elements, before and after."""
    if elements is None or not limit:
        return Line()
    shown = [code(_example(one)) for one in elements.examples[:limit]]
    is_all = elements.changed is not None and len(shown) >= elements.changed
    return join_words(shown, ", ") + words("" if is_all or not shown else ", …")


def _example(one: Example) -> str:
    index = f"[{', '.join(map(str, one.index))}] " if one.index else ""
    return f"{index}{spell_number(one.before)} → {spell_number(one.after)}"
