"""Explanations of PyTorch's errors, with the variables, cells and lines of the notebook."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ....core.hazards.error_facts import Raised, Refused, Stopped, StoppedUnread, Trouble
from ...page import Line, clause, fill, words
from ..places import inner_at, named, stands, typed, where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ....core.records.typed_line import TypedLine

_SPLITTING = frozenset(("Unbind", "Split", "SplitWithSizes", "UnsafeSplit", "TensorSplit"))
"""Operators that return several views; PyTorch's message names the node of the last view, which may be another one."""

_AS_LEAF = ": if autograd recorded the write, it would be no leaf any more and get no gradient"
_WHY: Mapping[Trouble, str] = {
    "leaf": "{what} is a leaf that requires grad{by}" + _AS_LEAF,
    "view-of-leaf": "{what} is a view of `{base}`, a leaf that requires grad" + _AS_LEAF,
    "marked-leaf": "{what} is a leaf that requires grad{by}" + _AS_LEAF,
    "one-of-several": "{what} is {view}, and autograd does not allow a write to one of them",
    "made-by-function": "{what} is {view}, and the write would bypass the Function's backward",
    "no-grad-view": "{what} is {view}, so autograd cannot tell whether to record the write",
    "inference-view": "{what} is {view}, and cannot be written to outside of that mode",
    "inference": "{what} was made in inference mode, and may be written to only in that mode{after}",
    "detached-view": "{what} is a view{of}, which has the history of its base",
    "out": "autograd does not record what is written by `out=`, and one of the tensors requires grad",
    "marked-view": "{what} is a view, and a Function that writes to a view may return only one tensor",
    "captured": "{what} is not an argument of the transformed function, which may write only to its arguments",
    "expanded": "{what} was expanded{origin}, so its {count} slices along dimension {along} are the same memory",
    "shared": "it would read elements of {what} after it has overwritten them",
}
_OF_HOOK = "{what} is a view that a module with a full backward hook gave{by}, and the write would bypass the hook"
_EXPANDED = "it writes to elements that share memory, as those of an expanded tensor do"
_LATE = "{what}, {view}, cannot be used any more: its memory was written to{writer}"
_VIEWS: Mapping[Trouble, str] = {
    "one-of-several": "one of several views{of} that {call} returned together",
    "made-by-function": "a view{of} that a custom Function returned",
    "no-grad-view": "a view{of} made under no_grad",
    "inference-view": "a view{of} made in inference mode",
}


def raised(one: Raised, *, happened: bool) -> Line:
    """Name the statement that raised, or that will raise."""
    verb = "raised" if happened else "will raise"
    if one.statement is None:
        return words(f"the cell {verb}")
    place = fill(" in {place}", place=stands(one.statement)) if one.is_elsewhere else ""
    return fill("`{text}`{place} {verb}", text=one.text, place=place, verb=verb)


def why_raised(one: Stopped | StoppedUnread | Refused) -> Line:
    """Explain why it raised."""
    match one:
        case Stopped():
            return fill("{who}, {saved}, {what}", who=_who(one), saved=_saved(one), what=_overwritten(one))
        case StoppedUnread():
            return _unread(one)
        case Refused():
            return _refused(one)


def _refused(one: Refused) -> Line:
    """Explain why a write was refused, or the use of a view after its base was written."""
    template = _LATE if one.late and one.trouble in _VIEWS else _WHY[one.trouble]
    if one.trouble == "view-of-leaf" and not one.base:
        template = _WHY["leaf"]
    if one.trouble == "expanded" and one.reading is None:
        template = _EXPANDED
    if one.trouble == "made-by-function" and (one.op or "").startswith("BackwardHookFunction") and not one.late:
        template = _OF_HOOK
    count, along = _expanded(one)
    writing = one.writing
    seen = {"place": where(writing.cell, writing.site), "typed": typed(writing.site)} if writing else {}
    return fill(
        template,
        what=_what(one),
        by=clause(", and a {it} with `inplace=True` writes to it", one.module),
        base=one.base or "",
        of=clause(" of `{it}`", one.base),
        view=_view(one),
        after="; its values have changed nevertheless" if one.is_written else "",
        origin=clause(" from `{it}`", one.base),
        count=count,
        along=along,
        writer=fill(" in {place}{typed}", **seen) if seen else "",
    )


def _what(one: Refused) -> Line:
    if not one.path:
        return words("what it writes to")
    return clause("`{it}`", one.path) + clause(" (`{it}`)", one.also)


def _view(one: Refused) -> Line:
    op = re.sub(r"Backward\d*$", "", one.op or "")
    return fill(
        _VIEWS.get(one.trouble, ""),
        of=clause(" of `{it}`", one.base),
        call=fill("`{op}`", op=op.lower()) if op in _SPLITTING else "one call",
    )


def _expanded(one: Refused) -> tuple[str, str]:
    """Return the size and index of the expanded dimension (stride 0), as text."""
    if one.trouble != "expanded" or one.reading is None:
        return "", ""
    sizes = zip(one.reading.shape, one.reading.strides, strict=True)
    along, size = next((place, size) for place, (size, step) in enumerate(sizes) if step == 0 and size > 1)
    return str(size), str(along)


def _who(one: Stopped) -> Line:
    if not one.paths:
        return words(f"a temporary of shape {[*one.spoiled.reading.shape]}")
    return clause("`{it}`", one.paths[0]) + clause(", local to `{it}`", one.owner)


def _saved(one: Stopped) -> Line:
    inner = one.saved_at.inner if one.saved_at else None
    inside = fill(" (likely {line})", line=inner_at(inner)) if inner else ""
    place = "" if one.saved_in is None else fill(" in {at}", at=where(one.saved_in, one.saved_at))
    return fill(
        "saved by {op}{result}{place}{inside}",
        op=one.spoiled.op,
        result=" as its result" if one.spoiled.is_output and not one.paths else "",
        place=place,
        inside=inside if place else "",
    )


def _overwritten(one: Stopped) -> Line:
    verb = "was detached by `detach_`" if one.spoiled.is_detached else "was overwritten"
    writing, inside = one.writing, _inside(one.inside)
    if writing is None:
        return fill(verb + (", likely in {inside}" if one.inside else " after that{by}"), inside=inside, by=_by(one))
    via, site = writing.path, writing.site
    is_seen = via or site is None or site.certainty == "observed" or site.inner
    return fill(
        verb + "{through}{likely} in {place}{typed}{inner}{by}",
        through=clause(" through `{it}`", None if via in one.paths[:1] else via),
        likely="" if is_seen else ", likely",
        place=where(writing.cell, site),
        typed=typed(site),
        inner=fill(" → likely {inside}", inside=inside) if one.inside and not (site and site.inner) else "",
        by=_by(one),
    )


def _inside(one: TypedLine | None) -> Line:
    return fill("{place}: `{text}`", place=stands(one), text=one.text) if one else Line()


def _by(one: Stopped) -> Line:
    """Name the in-place modules that likely wrote; if no writer is known at all, say how often the version rose."""
    if one.modules:
        return fill(", likely by {modules}", modules=_modules(one))
    if one.writing is not None or one.spoiled.is_detached:
        return Line()
    times = one.spoiled.now - one.spoiled.expected
    return words(f", {times} time{'s' if times != 1 else ''}")


def _modules(one: Stopped) -> Line:
    (path, kind), *others = one.modules
    if others:
        names = named([path for path, _ in one.modules], "or")
        return fill("{names}, which are made with `inplace=True`", names=names)
    return fill("`{path}`, a {kind} with `inplace=True`", path=path, kind=kind)


def _unread(one: StoppedUnread) -> Line:
    """Describe a backward that failed at a node whose saved tensors cannot be read."""
    which = named(one.names, "or") if one.names else words("a tensor")
    if one.is_detached:
        return fill("{which} that it needs was detached by `detach_`", which=which)
    return fill(
        "{which}{of}{versions} was overwritten after it was saved by a node that cannot be read",
        which=which,
        of=f" of shape [{one.shape}]" if one.shape is not None and not one.names else "",
        versions="" if one.now is None else f" (version {one.now}, saved at {one.expected})",
    )
