"""Which results were computed before a write, so that a backward needs them anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ..model.saved_tensor import Overwritten, RootOrigin, Writing
    from .standing import Standing


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
    names = tuple(one for one in (*origin.through, root) if _is_before(found.origins[one], writing, standing))
    return Stale(names=names, root=None if root in names else root)


def _is_before(origin: RootOrigin, writing: Writing, standing: Standing) -> bool:
    """Return whether a result was computed before a write."""
    if origin.cell != writing.cell or writing.site is None or writing.cell not in standing.built:
        return origin.cell <= writing.cell
    timeline = standing.built[writing.cell]
    sites = map(timeline.site, dict.fromkeys(timeline.since(origin.sequence)))
    return any((one.line, one.text) == (writing.site.line, writing.site.text) for one in sites if one is not None)
