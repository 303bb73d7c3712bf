"""The graphs of which a backward of the cell frees a part, and the backward that meets such a part."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from ..hazards.fix import Fix
from ..hazards.hazard import Hazard
from ..hazards.hazard_facts import FreedGraph
from ..records.trace.graph_state import HalfFreed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from ..records.report_parts import Site
    from ..records.trace.saved_tensor import Overwritten
    from .snapshot_afterwards import Afterwards
    from .values.stopped_error import StoppedError


def freed_before(stopped: StoppedError, site: Site | None, after: Afterwards) -> Hazard:
    """Return the hazard of a backward that needs what another one of the cell has freed."""
    is_own = stopped.freed in ("?", stopped.root)
    reading = after.snapshot.get(stopped.root)
    return Hazard(
        code="TW213",
        outcome="raises",
        paths=(stopped.root,) if stopped.root else (),
        op=reading.grad_fn if reading is not None else None,
        fact=FreedGraph(
            root=stopped.root or None, name=None if is_own else stopped.freed, how="is" if is_own else "shares"
        ),
        fix=Fix(kind="retain-graph"),
        written_at=site,
    )


def find_half_freed(
    saved: Sequence[Overwritten], freed: Collection[str], lasts: Callable[[str], bool], leaves: Collection[int]
) -> Iterator[HalfFreed]:
    """Yield the graphs that still hold something and lead into what was freed, one for each first node that was.

    Parameters
    ----------
    saved
        What the living graphs saved.
    freed
        The paths whose backward ran.
    lasts
        Returns whether a path leads to the same tensor as before.
    leaves
        The storages of the leaves.
    """
    held: dict[str, list[Overwritten]] = defaultdict(list)
    for one in saved:
        if not any(path in freed for path in one.roots):
            for path in one.roots:
                held[path].append(one)
    first: dict[str, Overwritten] = {}
    for one in sorted(saved, key=lambda one: -one.saved.sequence):
        if any(path in freed for path in one.roots):
            for path in one.roots:
                first.setdefault(path, one)
    groups: dict[int, list[str]] = defaultdict(list)
    for path, one in first.items():
        if path in held and path not in freed and lasts(path):
            groups[one.saved.sequence].append(path)
    for number, paths in groups.items():
        met = next(one for one in saved if one.saved.sequence == number)
        names = [path for path in met.roots if path not in held and path not in freed]
        ordered = sorted(paths, key=lambda path: -met.origins[path].sequence)
        is_new = any(one.saved.reading.storage in leaves for path in paths for one in held[path])
        yield _half_freed(met, ordered, names, min(held[ordered[0]], key=_number), is_new=is_new)


def _number(one: Overwritten) -> int:
    return one.saved.sequence


def _half_freed(
    met: Overwritten, paths: Sequence[str], names: Sequence[str], user: Overwritten, *, is_new: bool
) -> HalfFreed:
    """Return a graph whose backward would meet a freed node first."""
    return HalfFreed(
        roots=tuple(paths),
        names=tuple(names),
        node=met.saved.sequence,
        cell=met.saved.cell,
        user=user.saved.sequence,
        user_cell=user.saved.cell,
        op=met.saved.op,
        is_new_pass=is_new,
        was_whole=True,
        is_covered=False,
    )


def as_one(several: Sequence[Overwritten]) -> Overwritten:
    """Return what several nodes saved as one: the node that backward runs first, with the others and their roots."""
    first, *others = ordered = sorted(several, key=lambda one: -one.saved.sequence)
    origins = {path: origin for one in reversed(ordered) for path, origin in one.origins.items()}
    return replace(
        first,
        roots=tuple(dict.fromkeys(root for one in ordered for root in one.roots)),
        origins=origins,
        others=(*first.others, *(one.saved.sequence for one in others)),
    )
