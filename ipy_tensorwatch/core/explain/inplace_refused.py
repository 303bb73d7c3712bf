"""A refused in-place write, or a refused use of a view after one, as a hazard with its fix."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ..hazards.fix import Fix, FixKind, Tail
from ..hazards.hazard import Hazard
from ..records.typed_line import typed_line
from ..statements.rewrite_statement import (
    assigned_detach,
    binds,
    cloned_sources,
    out_of_place,
    replaced,
    with_clones,
    without_grad,
    written_path,
)

if TYPE_CHECKING:
    from ..hazards.error_facts import Refused
    from ..records.report_parts import Site

_CLONED = re.compile(r"(?<![\w.\])])([^\W\d]\w*)\.clone\(\)")
_NAMED = re.compile(r"\w+(?:\.\w+|\[[^\[\]:,]*\])*")


def refused_hazard(one: Refused, site: Site | None) -> Hazard:
    """Build the hazard for a refused write; `site` is the cell's own statement."""
    return Hazard(
        code=one.code,
        outcome="raises",
        paths=one.names,
        op=one.reading.grad_fn if one.reading else None,
        fact=one,
        fix=fix_refused(one),
        written_at=site,
        happened=True,
    )


def fix_refused(one: Refused) -> Fix:
    """Choose the fix for a refused write."""
    match one.trouble:
        case "leaf" | "view-of-leaf":
            return _without_module(one) if one.module else _write_to_leaf(one)
        case "made-by-function" if one.module and not one.late:
            return _without_module(one)
        case "marked-leaf" | "marked-view":
            return _hand_copy(one)
        case "expanded":
            return _copy_first(one)
        case "shared":
            return _read_copy(one)
        case _ if one.late:
            return _take_again(one)
        case "one-of-several":
            return _write_to_part(one)
        case _:
            return _other(one)


def _read_copy(one: Refused) -> Fix:
    """Read from a copy: of a variable of its own, which the write would change too, before the statement."""
    code = cloned_sources(one.raised.text, _names(one))
    alias = _CLONED.search(code) if code else None
    if alias and one.binds and alias[1] != one.path and written_path(one.raised.text) not in (None, alias[1]):
        return _there(one, "copy-before-read", f"{alias[1]} = {alias[1]}.clone()")
    return _there(one, "read-copy" if code else "read-some-copy", code)


def _write_to_leaf(one: Refused) -> Fix:
    """Update a parameter under `torch.no_grad()`; for other leaves the intent is not known."""
    if binds(one.raised.text):
        return _anew(one)  # its result is used, with its history
    if one.is_parameter or one.has_read_grad or ".grad" in one.raised.text or not one.binds:
        return _without_grad(one)
    return _anew(one, "old-leaf", without_grad(one.raised.text))


def _without_grad(one: Refused) -> Fix:
    return _there(one, "no-grad", without_grad(one.raised.text))


def _without_module(one: Refused) -> Fix:
    code = with_clones(one.raised.text, one.names)
    fix = _there(one, "hand-module-copy" if code else "module-without-inplace", code)
    return replace(fix, names=(one.module or "",))


def _write_to_part(one: Refused) -> Fix:
    """Write to one of several views through its base, or to a separate view."""
    if one.base_is_leaf:
        return _write_to_part_of_leaf(one)
    if one.loop is not None:
        rows = (one.loop.row,) if one.loop.row else ()
        other = one.loop.name if rows else ""
        return Fix(kind="one-by-one", code=one.loop.code, other=other, names=rows, target=one.loop.head)
    part = f"{one.base}{one.portion}" if one.base and one.portion else None
    through = replaced(one.raised.text, one.path, part) if part and one.path and not one.binds else None
    if through is not None:
        return replace(_there(one, "write-through-base", through), names=(one.base or "",))
    again = f"{one.path} = {part}" if part and one.path and one.binds else ""
    plain = _plain(one)
    if plain is not None:
        fix = replace(_there(one, "out-of-place", plain), other=again)
        return replace(fix, names=(one.base or "",), tail="base-too") if again else fix
    return replace(_there(one, "own-view", again), says_where=False) if again else _copy_first(one)


def _write_to_part_of_leaf(one: Refused) -> Fix:
    """Do not write to views of a leaf: a separate view would be refused too."""
    if one.loop is not None or not one.binds:
        return _without_grad(one)
    return replace(_anew(one, "base-alone", without_grad(one.raised.text)), names=(one.base or "",))


def _other(one: Refused) -> Fix:
    text, quiet = one.raised.text, without_grad(one.raised.text)
    match one.trouble:
        case "no-grad-view" | "inference-view" if one.binds and not one.base_is_leaf:
            return _anew(one, "record-instead")  # an unrecorded write would make the gradients of its base wrong
        case "no-grad-view" if quiet:
            return _there(one, "no-grad-view", quiet)
        case "inference-view" if quiet:
            return _there(one, "inference-mode", quiet.replace("no_grad", "inference_mode"))
        case "detached-view":
            code = assigned_detach(text) if one.path and one.binds else None
            return _there(one, "bind-anew" if code else "use-detach", code)
        case "out":
            code = out_of_place(text, _Anything())
            return _there(one, "bind-out" if code else "use-without-out", code)
        case "captured":
            return Fix(kind="hand-argument", names=(one.path,) if one.path else ())
        case "inference" if one.is_written:
            return replace(_anew(one, "compute-first"), names=(one.path or "",))
        case _:
            return _anew(one)


def _anew(one: Refused, tail: Tail | None = None, other: str | None = None) -> Fix:
    """Write out of place, or to a copy."""
    plain = _plain(one)
    return replace(_there(one, "out-of-place", plain) if plain else _copy_first(one), tail=tail, other=other or "")


def _plain(one: Refused) -> str | None:
    return out_of_place(one.raised.text, {one.path}) if one.path and one.binds else None


def _copy_first(one: Refused) -> Fix:
    if one.path is None or not one.binds or not _NAMED.fullmatch(one.path):
        return _there(one, "write-some-copy")
    return _there(one, "write-copy-here", f"{one.path} = {one.path}.clone()")


def _hand_copy(one: Refused) -> Fix:
    code = with_clones(one.raised.text, _names(one))
    return _there(one, "hand-copy" if code else "hand-function-copy", code)


def _names(one: Refused) -> set[str]:
    return {*one.names, *filter(None, [one.path])}


def _take_again(one: Refused) -> Fix:
    if one.path is None or not one.binds:
        return Fix(kind="take-later")
    if one.trouble in ("no-grad-view", "inference-view"):
        return _there(one, "use-detached", f"{one.path} = {one.path}.detach()")
    if one.base and one.portion:
        return _there(one, "take-again", f"{one.path} = {one.base}{one.portion}")
    target = typed_line(one.writing.cell, one.writing.site) if one.writing else None
    return Fix(kind="copy-before-write", code=f"{one.path} = {one.path}.clone()", target=target)


def _there(one: Refused, kind: FixKind, code: str | None = "") -> Fix:
    """Build a fix for the statement that raised."""
    raised = one.raised
    return Fix(kind=kind, code=code or "", target=raised.statement, says_where=raised.is_elsewhere)


class _Anything:
    """Contains every name: `out=` itself decides what is rebound."""

    def __contains__(self, name: object) -> bool:
        return name is not None
