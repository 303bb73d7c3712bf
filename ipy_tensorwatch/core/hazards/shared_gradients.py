"""Gradients of two leaves that share memory (PyTorch issue 34082), so that each accumulates both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..memory.overlap import share_bytes
from .fix import Fix
from .hazard import Hazard
from .lasting_hazard import Lasting, anchor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..model.reading import Reading
    from ..model.records import Site
    from ..model.snapshot import RootSnapshot, Snapshot

    Owned = tuple[RootSnapshot, int, Reading]


def aliased_grads(snapshot: Snapshot, cell: int, find_site: Callable[[], Site | None]) -> Iterator[Lasting]:
    """Yield hazards for leaves whose gradients share bytes: backward accumulates twice, and clipping scales twice.

    Parameters
    ----------
    cell
        The cell that ended.
    find_site
        Returns its only statement that ran backward, or None.
    """
    for group in _in_one_storage(snapshot):
        together = [one for one in group if any(_share(one, other) for other in group)]
        if together:
            ends = [(str(scene.paths[place]), grad) for scene, place, grad in together]
            hazard = _hazard([path for path, _ in ends], cell, find_site())
            yield Lasting(hazard=hazard, anchors=tuple(anchor(path, grad) for path, grad in ends))


def _in_one_storage(snapshot: Snapshot) -> Iterator[list[Owned]]:
    """Yield the gradients that lie in one storage, each of another leaf."""
    found: dict[int, dict[int, Owned]] = {}
    for scene in snapshot.scenes.values():
        for leaf, place in scene.gradients:
            grad = scene.readings[place]
            found.setdefault(grad.storage, {}).setdefault(scene.readings[leaf].object, (scene, place, grad))
    return ([*group.values()] for storage, group in found.items() if storage and len(group) > 1)


def _share(one: Owned, other: Owned) -> bool:
    return one is not other and not (one[2].unknown or other[2].unknown) and bool(share_bytes(one[2], other[2]))


def _hazard(paths: list[str], cell: int, site: Site | None) -> Hazard:
    second = paths[1]
    return Hazard(
        code="TW203",
        outcome="wrong",
        paths=tuple(paths),
        op="AccumulateGrad",
        fix=Fix(kind="part-gradients", code=f"{second} = {second}.clone()"),
        written_at=site,
        written_cell=cell,
    )
