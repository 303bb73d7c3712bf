"""The fix for a write that makes a backward raise, or its gradients wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..statements.rewrite_statement import out_of_place
from ..syntax.magic_calls import puts_back
from ..syntax.parsing import bound_around
from .facts import typed_line
from .fix import Fix
from .saved_copy import save_copy
from .stale_results import NOTHING_STALE, Stale
from .updates_since import is_update

if TYPE_CHECKING:
    from ..model.records import Inner
    from ..model.saved_tensor import Writing
    from .facts import TypedLine
    from .saved_copy import Saving


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
        return (saving and save_copy(saving)) or _again(writing, stale)
    if site is not None and puts_back(site.text):
        return Fix(kind="compute-again", names=stale.names)
    if is_read_again:
        return Fix(kind="copy-for-checkpoint")
    if site is not None and site.inner is not None:
        return (saving and save_copy(saving)) or _inside(site.inner, saving)
    if site is None and not paths:
        return Fix(kind="find-line")
    code = out_of_place(site.text, paths) if site else None
    target = typed_line(writing.cell, site)
    if code:
        return Fix(kind="out-of-place", code=code, target=target)
    return _copied(writing, target) or (saving and save_copy(saving)) or Fix(kind="copy-or-later")


def _again(writing: Writing, stale: Stale) -> Fix:
    """Compute again what is stale; or call backward first, if the root is due only to that."""
    site = writing.site
    write = typed_line(writing.cell, site) if site is not None and site.inner is None else None
    other = stale.root or ""
    if stale.root or (stale.is_due and is_update(writing.cause, site, is_leaf=writing.is_leaf)):
        return Fix(kind="compute-again", names=stale.names, other=other, target=write)
    return Fix(kind="backward-before-statement", names=stale.names, other=write.text if write else "")


def _inside(inner: Inner, saving: Saving | None) -> Fix:
    """Write out of place inside a function, which may not rebind names that it only reads."""
    names = bound_around(saving.notebook.source_of(inner.cell), inner.line) if saving else frozenset[str]()
    code, target = out_of_place(inner.text, names), typed_line(inner.cell, inner)
    if code is not None:
        return Fix(kind="out-of-place", code=code, target=target, says_where=True)
    return Fix(kind="copy-for-function", target=target)


def _copied(writing: Writing, target: TypedLine | None) -> Fix | None:
    if writing.path is None or not writing.path.isidentifier():
        return None
    if writing.site is not None and not re.search(rf"\b{writing.path}\b", writing.site.text):
        return None  # the statement reaches the tensor by another way
    copy = "copy" if writing.is_array else "clone"
    return Fix(kind="write-copy", code=f"{writing.path} = {writing.path}.{copy}()", target=target)
