"""Which results were computed before a write, so that a backward needs them anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .updates_since import is_since, lines_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...records.trace.saved_tensor import Overwritten, RootOrigin, Writing
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


def stale_results(found: Overwritten, roots: Sequence[str], writing: Writing, standing: Standing) -> Stale:
    """Return what has to be computed again before the backward of some roots."""
    origins = {one: found.origins[one] for one in roots if one in found.origins}
    if len(origins) < len(roots):
        return Stale(names=tuple(roots))
    asked = dict.fromkeys(name for one, origin in origins.items() for name in (*origin.through, one))
    names = tuple(one for one in asked if _is_from_before(one, found, writing, standing))
    if len(roots) > 1:
        names = tuple(sorted(names, key=lambda one: found.origins[one].sequence))
    return Stale(names=names, root=next((one for one in roots if one not in names), None))


def is_metric(path: str, found: Overwritten, writing: Writing, standing: Standing) -> bool:
    """Return whether a result was computed after a write from older results alone: through no parameter anew."""
    return bool(older_results(path, found, writing, standing))


def older_results(path: str, found: Overwritten, writing: Writing, standing: Standing) -> tuple[RootOrigin, ...]:
    """Return where the results come from that a metric, computed after a write, was computed from."""
    origin = found.origins.get(path)
    if origin is None or _is_from_before(path, found, writing, standing):
        return ()
    through = (one for one in origin.through if _is_from_before(one, found, writing, standing))
    older = tuple(found.origins[one] for one in through)
    return older if origin.leaves <= frozenset[int]().union(*(one.leaves for one in older)) else ()


def _is_from_before(path: str, found: Overwritten, writing: Writing, standing: Standing) -> bool:
    return is_since(writing.cell, lines_of(writing.site), found.origins[path], standing)
