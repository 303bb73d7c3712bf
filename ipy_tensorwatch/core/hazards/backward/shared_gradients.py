"""Gradients of two leaves that share memory (PyTorch issue 34082), so that each accumulates both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...memory.overlap import share_bytes
from ...runtime.grouped import tally
from ..fix import Fix
from ..hazard import Hazard
from ..hazard_facts import AssignedGradients
from ..lasting_hazard import Lasting

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from ...records.reading import Reading
    from ...records.report_parts import Site
    from ...records.snapshots.snapshot import RootSnapshot, Snapshot
    from .assigned_gradients import Assignment

    Owned = tuple[RootSnapshot, int, Reading]

MAX_PARTED = 3
"""The maximum number of gradients that the fix parts by name."""


def shares_gradients(snapshot: Snapshot) -> bool:
    """Return whether gradients of several leaves lie in one storage."""
    return any(_in_one_storage(snapshot))


def aliased_grads(
    snapshot: Snapshot,
    cell: int,
    find_site: Callable[[], Site | None],
    find_assignment: Callable[[], Assignment | None] = lambda: None,
    passing: Collection[str] = (),
) -> Iterator[Lasting]:
    """Yield hazards for leaves whose gradients share bytes: backward accumulates twice, and clipping scales twice.

    Gradients that were assigned are shared on purpose: one risk for all of them.

    Parameters
    ----------
    cell
        The cell that ended.
    find_site
        Returns its only statement that ran backward, or None.
    find_assignment
        Returns its first statement that assigned gradients, or None.
    passing
        The names of its loop variables: a leaf's other names are preferred.
    """
    groups = [one for group in _in_one_storage(snapshot, passing) if (one := _overlapping(group))]
    given = find_assignment() if groups else None
    on_purpose = [one for one in groups if _is_one_object(one) or (given and given.is_of_gradient)]
    for group in groups:
        if group not in on_purpose:
            ends = _ends(group)
            yield Lasting.of(_hazard([path for path, _ in ends], cell, find_site()), ends)
    if on_purpose:
        every = [end for group in on_purpose for end in _ends(group)]
        yield Lasting.of(_risk([path for path, _ in every], len(on_purpose), cell, given), every)


def _in_one_storage(snapshot: Snapshot, passing: Collection[str] = ()) -> Iterator[list[Owned]]:
    """Yield the gradients that lie in one storage, each of another leaf."""
    found: dict[int, dict[int, Owned]] = {}
    places = [(scene, *both) for scene in snapshot.scenes.values() for both in scene.gradients]
    storages = [scene.readings[place].storage for scene, _, place in places]
    times = tally(storages) if len({*storages}) < len(storages) else {}
    for scene, leaf, place in places if times else ():
        grad, thing = scene.readings[place], scene.readings[leaf].object
        if times[grad.storage] > 1:
            known = found.setdefault(grad.storage, {})
            if thing not in known or _root(known[thing]) in passing:
                known[thing] = scene, place, grad
    return ([*group.values()] for storage, group in found.items() if storage and len(group) > 1)


def _root(one: Owned) -> str:
    return one[0].paths[one[1]].root


def _overlapping(group: list[Owned]) -> list[Owned]:
    return [one for one in group if any(_share(one, other) for other in group)]


def _share(one: Owned, other: Owned) -> bool:
    return one is not other and not (one[2].unknown or other[2].unknown) and bool(share_bytes(one[2], other[2]))


def _is_one_object(group: list[Owned]) -> bool:
    """Return whether the gradients are the same tensor; backward gives each leaf a tensor of its own."""
    return len({grad.object for _, _, grad in group}) == 1


def _ends(group: list[Owned]) -> list[tuple[str, Reading]]:
    return [(str(scene.paths[place]), grad) for scene, place, grad in group]


def _hazard(paths: list[str], cell: int, site: Site | None) -> Hazard:
    return Hazard(
        code="TW203",
        outcome="wrong",
        paths=tuple(paths),
        op="AccumulateGrad",
        fix=_part(paths[1:]),
        written_at=site,
        written_cell=cell,
    )


def _risk(paths: list[str], pairs: int, cell: int, given: Assignment | None) -> Hazard:
    return Hazard(
        code="TW203",
        outcome="risk",
        paths=tuple(paths),
        op="AccumulateGrad",
        fact=AssignedGradients(groups=pairs),
        fix=(given and given.fix) or _part(paths[1:] if pairs == 1 else ()),
        written_at=given.site if given else None,
        written_cell=cell,
    )


def _part(others: Sequence[str]) -> Fix:
    code = "; ".join(f"{one} = {one}.clone()" for one in others) if len(others) <= MAX_PARTED else ""
    return Fix(kind="part-gradients", code=code)
