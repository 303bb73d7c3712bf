"""A backward that raised, as a hazard that has come true, with its fix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..hazards.error_facts import Raised, Stopped, StoppedUnread
from ..hazards.fix import Fix
from ..hazards.hazard import Hazard
from ..hazards.overwritten.overwritten_fix import clone_of_bound, write_on_copy
from ..hazards.overwritten.saved_copy import comes_round, with_copy_saved
from ..records.typed_line import TypedLine, typed_line
from ..statements.rewrite_statement import (
    assigned_detach,
    cloned_inputs,
    makes,
    out_of_place,
    with_clones,
    without_inplace,
    written_path,
)
from ..syntax.parsing import parse_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..records.trace.saved_tensor import Writing
    from .error_messages import ErrorMessage

_ASSIGNABLE = re.compile(r"\w+(?:\.\w+|\['[^']*'\])*")


def stopped_hazard(one: Stopped) -> Hazard:
    """Build the hazard for a backward that raised at a saved tensor."""
    return Hazard(
        code=one.code,
        outcome="raises",
        paths=() if one.owner else one.paths,
        op=one.spoiled.op,
        fact=one,
        fix=fix_stopped(one),
        saved_at=one.saved_at,
        written_at=one.writing.site if one.writing else None,
        saved_cell=one.saved_in,
        written_cell=one.writing.cell if one.writing else None,
        node=None if one.spoiled.sequence < 0 else one.spoiled.sequence,
        happened=True,
    )


def unread_hazard(error_message: ErrorMessage, raised: Raised, names: Sequence[str]) -> Hazard:
    """Build the hazard for a backward that raised at a node whose saved tensors cannot be read.

    Parameters
    ----------
    names
        The variables that the message may refer to.
    """
    is_detached = error_message.trouble == "detached"
    return Hazard(
        code=error_message.code,
        outcome="raises",
        paths=tuple(names),
        fact=StoppedUnread(
            raised=raised,
            is_detached=is_detached,
            names=tuple(names),
            shape=error_message.shape,
            now=error_message.now,
            expected=error_message.expected,
        ),
        fix=Fix(kind="detach-name" if is_detached else "record-cells"),
        happened=True,
    )


def fix_stopped(one: Stopped) -> Fix:
    """Choose the fix: write out of place, write to a copy, or save a copy."""
    if one.modules:
        return _module_keeps_input(one)
    if one.spoiled.is_detached:
        return _detach(one)
    writing, line = one.writing, _line_inside(one)
    if writing is None:
        return _write_elsewhere(one, line) if line else _save_copy(one) or _look_closer(one)
    if writing.cause == "optimizer":
        return _backward_first(one, writing)
    if writing.is_leaf:
        return _save_copy(one) or _backward_first(one, writing)
    return (_save_copy(one) or _write_elsewhere(one, line)) if line else _fix_here(one, writing)


def _line_inside(one: Stopped) -> TypedLine | None:
    """Return the line inside a function that wrote."""
    writing, inner = one.writing, one.writing.site.inner if one.writing and one.writing.site else None
    return typed_line(writing.cell, inner) if writing and inner else one.inside


def _fix_here(one: Stopped, writing: Writing) -> Fix:
    first = _save_copy(one) if comes_round(one.saved_at, one.saved_in, writing) else None
    return first or _write_otherwise(one, writing) or _save_copy(one) or _last_resort(one, writing)


def _module_keeps_input(one: Stopped) -> Fix:
    paths = tuple(path for path, _ in one.modules)
    if paths[1:]:
        return Fix(kind="modules-without-inplace", names=paths)
    code, target = f"{paths[0]}.inplace = False", typed_line(one.saved_in or 0, one.saved_at)
    return Fix(kind="module-keeps-input", code=code, target=target)


def _backward_first(one: Stopped, writing: Writing) -> Fix:
    if one.carried and one.saved_at:
        left, right = ", ".join(one.carried), ", ".join(_detached(name, one.containers) for name in one.carried)
        target = typed_line(one.saved_in or 0, one.saved_at)
        return Fix(kind="detach-rounds", code=f"{left} = {right}", other=one.saved_at.text, target=target)
    step = writing.site.text if writing.site and writing.site.inner is None else ""
    return Fix(kind="backward-before-statement", other=step, names=(one.raised.root,) if one.raised.root else ())


def _detached(name: str, containers: Mapping[str, str]) -> str:
    """Return an expression for a variable, or for the tensors in a tuple or a list, without the graph."""
    several = {"tuple": "tuple(one.detach() for one in {name})", "list": "[one.detach() for one in {name}]"}
    return several[containers[name]].format(name=name) if name in containers else f"{name}.detach()"


def _write_otherwise(one: Stopped, writing: Writing) -> Fix | None:
    """Rewrite the write: out of place if equivalent, else on a copy."""
    text, target = writing.site.text if writing.site else "", typed_line(writing.cell, writing.site)
    is_saver = _is_saver(one)
    path = writing.path or written_path(text)
    code = out_of_place(text, {name for name in (*one.paths, path) if name and _ASSIGNABLE.fullmatch(name)})
    code = without_inplace(text) if code is None and is_saver else code
    if code is not None:
        clone = "" if is_saver else clone_of_bound(code, writing)
        return Fix(kind="out-of-place", code=code, other=clone, target=target)
    if is_saver or path is None or not _ASSIGNABLE.fullmatch(path) or makes(text, path):
        return None
    return write_on_copy(path, writing, target)


def _is_saver(one: Stopped) -> bool:
    """Return whether the statement that saved is the one that wrote."""
    saved, written = one.saved_at, one.writing.site if one.writing else None
    text = written.text if written else ""
    return saved is not None and saved.text == text and one.writing is not None and one.writing.cell == one.saved_in


def _write_elsewhere(one: Stopped, line: TypedLine) -> Fix:
    """Rewrite a write inside a function, which may not rebind names that it only reads."""
    is_result = line.text.startswith("return ")
    code = without_inplace(line.text) if is_result else out_of_place(line.text, one.rebinds)
    if code is not None:
        return Fix(kind="out-of-place", code=code, target=line, says_where=True)
    if one.reading is not None:
        return one.reading
    copied = written_path(line.text)
    if copied is not None and (copied in one.rebinds or "." in copied):
        return Fix(kind="write-copy", code=f"{copied} = {copied}.clone()", target=line, says_where=True)
    return _save_copy(one) or Fix(kind="copy-for-function", target=line)


def _save_copy(one: Stopped) -> Fix | None:
    """Rewrite the save to use a copy, so that later writes to the variable are harmless.

    A copy for one node is no help where the operator that made the tensor saved it as well.
    """
    site = one.saved_at
    if site is None or one.owner is not None or one.spoiled.is_kept_by_maker:
        return None
    if _is_saver(one):  # a copy of what it hands to a call that writes, or of what it gives, does not help
        names = {parse_path(name).root for name in one.paths}
        code = None if one.spoiled.is_output else cloned_inputs(site.text, names)
    else:
        code = with_copy_saved(site.text, one.paths, is_output=one.spoiled.is_output)
    target = typed_line(one.saved_in or 0, site)
    if code is None and one.reader is not None:
        code, target = with_clones(one.reader.text, one.paths), typed_line(one.reader.cell, one.reader)
    return None if code is None else Fix(kind="save-copy", code=code, target=target, says_where=True)


def _detach(one: Stopped) -> Fix:
    writing, path = one.writing, one.paths[0] if one.paths else "x"
    text = writing.site.text if writing and writing.site else ""
    code = assigned_detach(text) or f"{path} = {path}.detach()"
    target = typed_line(writing.cell, writing.site) if writing else None
    return Fix(kind="bind-detached", code=code, other=text or f"{path}.detach_()", target=target)


def _last_resort(one: Stopped, writing: Writing) -> Fix:
    return _look_closer(one) if writing.path is None and writing.site is None else Fix(kind="copy-or-later")


def _look_closer(one: Stopped) -> Fix:
    if one.recorded:
        return Fix(kind="look-past-operators")
    return Fix(kind="record-cell", cell=one.saved_in)
