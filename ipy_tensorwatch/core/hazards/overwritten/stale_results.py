"""Which results were computed before a write, so that a backward needs them anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .updates_since import is_since, lines_of

if TYPE_CHECKING:
    from ...model.trace.saved_tensor import Overwritten, Writing
    from ..standing_hazards import Standing


class Stale(NamedTuple):
    """The results from before a write that a backward leads through.

    Attributes
    ----------
    names
        The variables to compute again, in their order; the root is the last, if it is one of them.
    root
        The root, if it was computed after the write, from one that is stale.
    is_due
        Whether gradients of the root are still due: a backward before an update would add to those of the update.
    """

    names: tuple[str, ...] = ()
    root: str | None = None
    is_due: bool = False


NOTHING_STALE = Stale()


def stale_results(found: Overwritten, root: str | None, writing: Writing, standing: Standing) -> Stale:
    """Return what has to be computed again before the backward of a root."""
    origin = found.origins.get(root or "")
    if root is None or origin is None:
        return Stale(names=() if root is None else (root,))
    lines = lines_of(writing.site)
    names = (*origin.through, root)
    names = tuple(one for one in names if is_since(writing.cell, lines, found.origins[one], standing))
    return Stale(names=names, root=None if root in names else root)
