"""The fix for a write that makes a backward raise, or its gradients wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...records.typed_line import TypedLine, typed_line
from ...statements.rewrite_statement import cloned_inputs, makes, out_of_place, read_paths, written_path
from ...syntax.magic_calls import puts_back
from ...syntax.parsing import parse_path, rebindable
from ...syntax.torch_vocabulary import INPLACE_LAYERS
from ..fix import Fix
from .hook_output import returned_by_hook
from .read_copies import read_copies
from .saved_copy import Saving, comes_round, save_copy
from .stale_results import NOTHING_STALE, Stale
from .updates_since import is_update

if TYPE_CHECKING:
    from collections.abc import Collection

    from ...records.report_parts import Inner, Site
    from ...records.trace.saved_tensor import Writing


def fix_overwritten(
    writing: Writing,
    paths: tuple[str, ...],
    stale: Stale = NOTHING_STALE,
    saving: Saving | None = None,
    *,
    is_read_again: bool = False,
) -> Fix:
    """Choose the fix for an overwritten saved tensor.

    Parameters
    ----------
    paths
        The variables that overlap what was overwritten.
    is_read_again
        Whether a checkpoint reads the variable by name, so that rebinding the name does not help.
    """
    site = writing.site
    if is_update(writing.cause, site, is_leaf=writing.is_leaf):
        return _again(writing, stale)
    if writing.is_leaf:
        return (saving and save_copy(saving, site)) or _again(writing, stale)
    if site is not None and puts_back(site.text):
        return Fix(kind="compute-again", names=stale.names)
    if is_read_again:
        return Fix(kind="copy-for-checkpoint")
    if site is not None and site.inner is not None:
        return (saving and save_copy(saving, site)) or _inside(site.inner, saving, is_array=writing.is_array)
    if (site is None and not paths) or (writing.path is None and _is_within_one(saving, site)):
        return Fix(kind="find-line")
    code = out_of_place(site.text, paths) if site else None
    target = typed_line(writing.cell, site)
    if code and not _is_within_one(saving, site) and not (_is_alias(writing, saving) and _comes_round(writing, saving)):
        return Fix(kind="out-of-place", code=code, other=clone_of_bound(code, writing), target=target)
    return _on_copies(writing, site, target, saving)


def clone_of_bound(code: str, writing: Writing) -> str:
    """Return what copies the tensor that a statement binds; nothing for an array, or what has no plain name."""
    name = code.partition(" = ")[0]
    return f"{name} = {name}.clone()" if name.isidentifier() and not writing.is_array else ""


def _on_copies(writing: Writing, site: Site | None, target: TypedLine | None, saving: Saving | None) -> Fix:
    """Let the write, or the node that saved, have a copy."""
    if saving is not None and site is not None and _is_within_one(saving, site):
        return _keeping_inputs(saving, site.text, target) or _reading_copies(saving, site, target)
    saved = save_copy(saving) if saving is not None else None
    if saved is not None and _comes_round(writing, saving):
        return saved  # the copy that is written would be read by no later round
    return _copied(writing, target) or saved or Fix(kind="copy-or-later")


def _comes_round(writing: Writing, saving: Saving | None) -> bool:
    return saving is not None and comes_round(saving.site, saving.cell, writing)


def _is_alias(writing: Writing, saving: Saving | None) -> bool:
    """Return whether what was saved is not read by the name through which it was written."""
    site = saving.site if saving is not None else None
    return site is not None and writing.path is not None and writing.path not in read_paths(site.text)


def _is_within_one(saving: Saving | None, site: Site | None) -> bool:
    """Return whether one statement saved and wrote, inside what it calls."""
    return saving is not None and site is not None and saving.site == site


def _again(writing: Writing, stale: Stale) -> Fix:
    """Compute again what is stale; or call backward first, if the root is due only to that."""
    site = writing.site
    write = typed_line(writing.cell, site) if site is not None and site.inner is None else None
    other = stale.root or ""
    if stale.root or (stale.is_due and is_update(writing.cause, site, is_leaf=writing.is_leaf)):
        return Fix(kind="compute-again", names=stale.names, other=other, target=write)
    return Fix(kind="backward-before-statement", names=stale.names, other=write.text if write else "")


def _inside(inner: Inner, saving: Saving | None, *, is_array: bool = False) -> Fix:
    """Write out of place inside a function, which may not rebind names that it only reads, nor lose what it wrote."""
    source = saving.notebook.source_of(inner.cell) if saving else ""
    names = rebindable(source, inner.line) if saving else frozenset[str]()
    code, target = out_of_place(inner.text, names), typed_line(inner.cell, inner)
    if code is not None:
        return Fix(kind="out-of-place", code=code, target=target, says_where=True)
    hooked = returned_by_hook(inner, saving.notebook) if saving else None
    return read_copies(source, inner) or hooked or _copied_inside(inner, names, target, is_array=is_array)


def _copied_inside(inner: Inner, names: Collection[str], target: TypedLine | None, *, is_array: bool) -> Fix:
    """Let a line inside a function write to a copy under the same name, if that can be bound there."""
    path = None if is_array else written_path(inner.text)
    if path is None or (path not in names and "." not in path):
        return Fix(kind="copy-for-function", target=target)
    return Fix(kind="write-copy", code=f"{path} = {path}.clone()", target=target, says_where=True)


def _copied(writing: Writing, target: TypedLine | None) -> Fix | None:
    if writing.path is None or not writing.path.isidentifier():
        return None
    if writing.site is not None and not re.search(rf"\b{writing.path}\b", writing.site.text):
        return None  # the statement reaches the tensor by another way
    if writing.site is not None and makes(writing.site.text, writing.path):
        return None  # there is nothing to copy before it
    return write_on_copy(writing.path, writing, target)


def write_on_copy(path: str, writing: Writing, target: TypedLine | None) -> Fix:
    """Let a statement write to a copy of a tensor or an array."""
    copy = "copy" if writing.is_array else "clone"
    return Fix(kind="write-copy", code=f"{path} = {path}.{copy}()", target=target)


def _reading_copies(saving: Saving, site: Site, target: TypedLine | None) -> Fix:
    """Let a statement that saves what it writes to read a copy of that."""
    names = {parse_path(one).root for one in saving.paths}
    code = cloned_inputs(site.text, names) if site.inner is None and not saving.is_output else None
    return Fix(kind="copy-or-later") if code is None else Fix(kind="save-copy", code=code, target=target)


def _keeping_inputs(saving: Saving, text: str, target: TypedLine | None) -> Fix | None:
    """Let the modules that one statement calls leave their inputs unchanged."""
    notebook = saving.notebook
    called = (path for path in sorted(notebook.inplace) if re.search(rf"\b{re.escape(parse_path(path).root)}\b", text))
    code = "; ".join(
        f"{one}.inplace = False" for one in called if notebook.classes.get(one, "").startswith(INPLACE_LAYERS)
    )
    return Fix(kind="module-keeps-input", code=code, target=target) if code else None
