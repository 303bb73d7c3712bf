"""What to write instead, so that a backward that stopped runs through."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .phrase import named, quoted, where
from .rewrite import assigned_call, binds, cloned_value, out_of_place, with_clones, written_path

if TYPE_CHECKING:
    from .hazard import Writing
    from .records import Inner
    from .stopped import Stopped

_ASSIGNABLE = re.compile(r"\w+(?:\.\w+|\['[^']*'\])*")


def mend_stopped(one: Stopped) -> str:
    """Say what to write instead: the write out of place, the write to a copy, or the save of a copy."""
    writing = one.writing
    if one.modules:
        return _quiet_module(one)
    if writing is None:
        return _save_a_copy(one) or _look_closer(one)
    if one.spoiled.is_detached:
        return _detach(one, writing)
    if writing.cause == "optimizer":
        return _backward_first(one, writing)
    if writing.is_leaf:
        return _save_a_copy(one) or _backward_first(one, writing)
    inner = writing.site.inner if writing.site else None
    if inner is not None:
        return _write_elsewhere(one, writing, inner)
    return _write_otherwise(one, writing) or _save_a_copy(one) or _last_resort(one, writing)


def _quiet_module(one: Stopped) -> str:
    if one.modules[1:]:
        return f"Make {named([path for path, _ in one.modules], 'or')} without `inplace=True`."
    return f"Let it leave its input alone: `{one.modules[0][0]}.inplace = False`."


def _backward_first(one: Stopped, writing: Writing) -> str:
    again = f"compute `{one.raised.root}` again after it" if one.raised.root else "compute what it starts from again"
    step = f"`{quoted(writing.site.text)}`" if writing.site and writing.site.inner is None else "this write"
    return f"Call backward before {step}, or {again}."


def _write_otherwise(one: Stopped, writing: Writing) -> str | None:
    """Change the write: out of place where that is the same, else on a copy."""
    names = {*one.paths, *filter(None, [writing.path])}
    text = writing.site.text if writing.site else ""
    plain = out_of_place(text, {name for name in names if _ASSIGNABLE.fullmatch(name)})
    if plain is not None:
        return f"Write out of place: `{plain}`."
    path = writing.path
    if path is None or not _ASSIGNABLE.fullmatch(path):
        return None
    return f"Write to a copy: `{path} = {path}.{'copy' if writing.is_array else 'clone'}()` before it."


def _write_elsewhere(one: Stopped, writing: Writing, inner: Inner) -> str:
    """Change a write inside a function: names that it only reads cannot be bound there."""
    there = where(inner.cell, None) + f", line {inner.line}"
    plain = out_of_place(inner.text, one.rebinds)
    if plain is not None:
        return f"Write out of place in {there}: `{plain}`."
    copied = written_path(inner.text)
    if copied is not None and (copied in one.rebinds or "." in copied):
        return f"Write to a copy in {there}: `{copied} = {copied}.clone()` before it."
    return _save_a_copy(one) or f"Hand the function a copy, or write out of place in {there}."


def _save_a_copy(one: Stopped) -> str | None:
    """Change the save: of a copy, whatever is written to the variable afterwards does no harm."""
    site = one.saved_at
    if site is None or one.owner is not None:
        return None
    line = site.inner.text if site.inner else site.text
    there = f"{where(site.inner.cell, None)}, line {site.inner.line}" if site.inner else where(one.saved_in, site)
    if one.spoiled.is_output:
        copied = cloned_value(line) if binds(line, one.paths) else None
    else:
        copied = with_clones(line, one.paths)
    return f"Let it save a copy, in {there}: `{copied}`." if copied is not None else None


def _detach(one: Stopped, writing: Writing) -> str:
    text = writing.site.text if writing.site else ""
    plain = assigned_call(text, "detach_", "detach")
    return f"Bind it anew: `{plain}`." if plain is not None else "Write `x = x.detach()` for `x.detach_()`."


def _last_resort(one: Stopped, writing: Writing) -> str:
    if writing.path is None and writing.site is None:
        return _look_closer(one)
    return "Write to a copy (`.clone()`), or after the backward."


def _look_closer(one: Stopped) -> str:
    if one.recorded:
        return "No operator that was recorded wrote there: look for NumPy, or for a thread."
    cell = f"cell {one.saved_in}" if one.saved_in is not None else "the cell"
    return f"Run {cell} again under `%%tensordiff`: it records every operator that writes, with its line."
