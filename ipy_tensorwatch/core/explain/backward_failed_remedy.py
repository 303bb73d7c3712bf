"""What to write instead, so that a backward that stopped runs through."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..hazards.wording import Raised, named, quoted, where
from .rewrite_statement import (
    assigned_call,
    binds,
    cloned_value,
    out_of_place,
    with_clones,
    without_inplace,
    written_path,
)

if TYPE_CHECKING:
    from ..model.saved_tensor import Writing
    from .backward_failed import Stopped

_ASSIGNABLE = re.compile(r"\w+(?:\.\w+|\['[^']*'\])*")


def mend_stopped(one: Stopped) -> str:
    """Say what to write instead: the write out of place, the write to a copy, or the save of a copy."""
    if one.modules:
        return _quiet_module(one)
    if one.spoiled.is_detached:
        return _detach(one)
    writing = one.writing
    line = _line_inside(one)
    if writing is None:
        return _write_elsewhere(one, line) if line else _save_a_copy(one) or _look_closer(one)
    if writing.cause == "optimizer":
        return _backward_first(one, writing)
    if writing.is_leaf:
        return _save_a_copy(one) or _backward_first(one, writing)
    return _write_elsewhere(one, line) if line else _mend_here(one, writing)


def _line_inside(one: Stopped) -> Raised | None:
    """Give the line inside a function that wrote."""
    inner = one.writing.site.inner if one.writing and one.writing.site else None
    return one.inside if inner is None else Raised(text=inner.text, place=f"cell {inner.cell}, line {inner.line}")


def _mend_here(one: Stopped, writing: Writing) -> str:
    first = _save_a_copy(one) if _comes_round(one, writing) else None
    return first or _write_otherwise(one, writing) or _save_a_copy(one) or _last_resort(one, writing)


def _comes_round(one: Stopped, writing: Writing) -> bool:
    """Tell a write above the line that saved: a loop, in which the memory is used again and again."""
    saved, written = one.saved_at, writing.site
    return saved is not None and written is not None and writing.cell == one.saved_in and saved.line > written.line


def _quiet_module(one: Stopped) -> str:
    if one.modules[1:]:
        return f"Make {named([path for path, _ in one.modules], 'or')} without `inplace=True`."
    return f"Let it leave its input alone: `{one.modules[0][0]}.inplace = False`."


def _backward_first(one: Stopped, writing: Writing) -> str:
    if one.carried and one.saved_at:
        left, right = ", ".join(one.carried), ", ".join(f"{name}.detach()" for name in one.carried)
        return f"Let no round reach back into the one before: `{left} = {right}` before `{quoted(one.saved_at.text)}`."
    again = f"compute `{one.raised.root}` again after it" if one.raised.root else "compute what it starts from again"
    step = f"`{quoted(writing.site.text)}`" if writing.site and writing.site.inner is None else "this write"
    return f"Call backward before {step}, or {again}."


def _write_otherwise(one: Stopped, writing: Writing) -> str | None:
    """Change the write: out of place where that is the same, else on a copy."""
    text = writing.site.text if writing.site else ""
    if one.saved_at is not None and text == one.saved_at.text and writing.cell == one.saved_in:
        plain = without_inplace(text)
        return f"Write out of place: `{plain}`." if plain is not None else None
    path = writing.path or written_path(text)
    plain = out_of_place(text, {name for name in (*one.paths, path) if name and _ASSIGNABLE.fullmatch(name)})
    if plain is not None:
        return f"Write out of place: `{plain}`."
    if path is None or not _ASSIGNABLE.fullmatch(path):
        return None
    return f"Write to a copy: `{path} = {path}.{'copy' if writing.is_array else 'clone'}()` before it."


def _write_elsewhere(one: Stopped, line: Raised) -> str:
    """Change a write inside a function: names that it only reads cannot be bound there."""
    is_result = line.text.startswith("return ")
    plain = without_inplace(line.text) if is_result else out_of_place(line.text, one.rebinds)
    if plain is not None:
        return f"Write out of place in {line.place}: `{plain}`."
    copied = written_path(line.text)
    if copied is not None and (copied in one.rebinds or "." in copied):
        return f"Write to a copy in {line.place}: `{copied} = {copied}.clone()` before it."
    return _save_a_copy(one) or f"Hand the function a copy, or write out of place in {line.place}."


def _save_a_copy(one: Stopped) -> str | None:
    """Change the save: of a copy, whatever is written to the variable afterwards does no harm."""
    site = one.saved_at
    if site is None or one.owner is not None:
        return None
    if one.spoiled.is_output:
        copied = cloned_value(site.text) if binds(site.text, one.paths) else None
    else:
        copied = with_clones(site.text, one.paths)
    there = "" if one.saved_in is None else where(one.saved_in, site)
    if copied is None and one.reader is not None:
        copied, there = with_clones(one.reader.text, one.paths), f"cell {one.reader.cell}, line {one.reader.line}"
    return f"Let it save a copy, in {there}: `{copied}`." if copied is not None else None


def _detach(one: Stopped) -> str:
    text = one.writing.site.text if one.writing and one.writing.site else ""
    plain = assigned_call(text, "detach_", "detach")
    path = one.paths[0] if one.paths else "x"
    return f"Bind it anew: `{plain or f'{path} = {path}.detach()'}` for `{quoted(text) or f'{path}.detach_()'}`."


def _last_resort(one: Stopped, writing: Writing) -> str:
    if writing.path is None and writing.site is None:
        return _look_closer(one)
    return "Write to a copy (`.clone()`), or after the backward."


def _look_closer(one: Stopped) -> str:
    if one.recorded:
        return "No operator that was recorded wrote there: look for NumPy, or for a thread."
    cell = f"cell {one.saved_in}" if one.saved_in is not None else "the cell"
    return f"Run {cell} again under `%%tensordiff`: it records every operator that writes, with its line."
