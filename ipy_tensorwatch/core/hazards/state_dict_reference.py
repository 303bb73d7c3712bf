"""State dicts kept by reference: training goes on in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..model.path import AccessPath, count_alike
from ..syntax.parsing import parse_path
from .facts import KeptReference
from .fix import Fix
from .hazard import Hazard
from .lasting_hazard import Lasting, anchor

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ..model.records import Change, Site
    from ..model.snapshot import Snapshot

_OF_A_DICT = re.compile(r"^[^\[]*(?:\[(?:\d+|'[^']*')\][^\[]*)*\['[^']*'\]$")
"""The path of an item through string or int keys; an optimizer's state has parameters as keys."""

_KEEPSAKE = re.compile(r"before|old|best|snap|init|orig|saved|backup|prev|copy|ckpt|checkpoint")
"""What the name of a copy says."""

SharedItem = tuple[AccessPath, str, "Change"]


def kept_by_reference(
    changes: Sequence[Change],
    snapshot: Snapshot,
    cell: int,
    modules: Collection[str] = (),
    stepped: Collection[int] = frozenset(),
) -> Iterator[Lasting]:
    """Yield hazards for dicts whose tensors an optimizer step changed, because a module or an optimizer owns them.

    Parameters
    ----------
    modules
        The paths of modules: a dict that one keeps of its own parameters is meant to follow them.
    stepped
        The storages that the optimizers of this cell hold.
    """
    trained = _trained(changes, snapshot, stepped)
    roots: dict[str, list[SharedItem]] = {}
    for change in changes if trained else ():
        path = parse_path(change.path) if change.silent and _OF_A_DICT.search(change.path) else None
        reading = snapshot.get(change.path)
        if path is None or reading is None or reading.storage not in trained:
            continue
        if not _keeps_its_own(path, parse_path(trained[reading.storage]), modules):
            roots.setdefault(path.root, []).append((path, trained[reading.storage], change))
    for followers in roots.values():
        yield _lasting(followers, snapshot, cell)


def _keeps_its_own(path: AccessPath, owner: AccessPath, modules: Collection[str]) -> bool:
    """Return whether a module leads to a dict and to the parameter in it, and the dict has no name of a copy."""
    if any(_KEEPSAKE.search(step) for step in path.steps[:-1]):
        return False
    shared = count_alike([path.steps, owner.steps]) if path.root == owner.root else -1
    return any(str(AccessPath(path.root, path.steps[:count])) in modules for count in range(shared + 1))


def _trained(changes: Sequence[Change], snapshot: Snapshot, stepped: Collection[int]) -> Mapping[int, str]:
    """Map the storages that an optimizer step changed to the path it went through, whatever else wrote there."""
    told = [(one, snapshot.get(one.path)) for one in reversed(changes) if one.cause == "optimizer" or one.silent]
    return {
        reading.storage: change.path
        for change, reading in told
        if reading is not None
        and reading.storage
        and (change.cause == "optimizer" or (reading.kind == "parameter" and reading.storage in stepped))
    }


def _lasting(followers: Sequence[SharedItem], snapshot: Snapshot, cell: int) -> Lasting:
    path, owner, change = followers[0]
    ends = [anchor(one, reading) for one in (str(path), owner) if (reading := snapshot.get(one)) is not None]
    return Lasting(hazard=_hazard(followers, _step_of(change), cell), anchors=tuple(ends))


def _step_of(change: Change) -> Site | None:
    """Return the statement that ran the optimizer's step, if it is among those that wrote."""
    steps = (one for one in change.sites if ".step(" in (one.inner.text if one.inner else one.text))
    return next(steps, change.site)


def _hazard(followers: Sequence[SharedItem], site: Site | None, cell: int) -> Hazard:
    several = [path.steps[:-1] for path, _, _ in followers]
    container = str(AccessPath(followers[0][0].root, several[0][: count_alike(several)]))
    owner = _owner(container, [parse_path(owner) for _, owner, _ in followers])
    return Hazard(
        code="TW207",
        outcome="risk",
        paths=tuple(str(path) for path, _, _ in followers),
        op=None,
        fact=KeptReference(container=container, owner=owner),
        fix=Fix(kind="deep-copy", code=f"{container} = copy.deepcopy({container})"),
        written_at=site,
        written_cell=cell,
    )


def _owner(container: str, owners: Sequence[AccessPath]) -> str:
    """Return what the parameters belong to: a variable, or the part of it that does not lead to the dict too."""
    root, several = owners[0].root, [path.steps[:-1] for path in owners]
    return root if root != parse_path(container).root else str(AccessPath(root, several[0][: count_alike(several)]))
