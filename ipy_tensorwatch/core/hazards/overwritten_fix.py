"""The fix for a write that makes a backward raise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..statements.rewrite_statement import out_of_place
from ..syntax.magic_calls import puts_back
from .facts import typed_line
from .fix import Fix

if TYPE_CHECKING:
    from ..model.saved_tensor import Writing
    from .facts import TypedLine


def fix_overwritten(writing: Writing, paths: tuple[str, ...], root: str | None, *, is_read_again: bool = False) -> Fix:
    """Choose the fix for an overwritten saved tensor.

    Parameters
    ----------
    paths
        The variables that overlap what was overwritten.
    root
        The variable whose backward needs the overwritten tensor.
    is_read_again
        Whether a checkpoint reads the variable by name, so that rebinding the name does not help.
    """
    roots, site = (root,) if root else (), writing.site
    if writing.cause == "optimizer":
        return Fix(kind="backward-before-step", names=roots)
    if writing.is_leaf:
        return Fix(kind="backward-before-write", names=roots)
    if site is not None and puts_back(site.text):
        return Fix(kind="compute-again", names=roots)
    if is_read_again:
        return Fix(kind="copy-for-checkpoint")
    if site is not None and site.inner is not None:
        return Fix(kind="copy-for-function", target=typed_line(writing.cell, site.inner))
    if site is None and not paths:
        return Fix(kind="find-line")
    code = out_of_place(site.text, paths) if site else None
    target = typed_line(writing.cell, site)
    return Fix(kind="out-of-place", code=code, target=target) if code else _copied(writing, target)


def _copied(writing: Writing, target: TypedLine | None) -> Fix:
    if writing.path is None or not writing.path.isidentifier():
        return Fix(kind="copy-or-later")
    copy = "copy" if writing.is_array else "clone"
    return Fix(kind="write-copy", code=f"{writing.path} = {writing.path}.{copy}()", target=target)
