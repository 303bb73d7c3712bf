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
    from collections.abc import Iterator, Mapping, Sequence

    from ..model.records import Change, Site
    from ..model.snapshot import Snapshot

_OF_A_DICT = re.compile(r"^[^\[]*(?:\[(?:\d+|'[^']*')\][^\[]*)*\['[^']*'\]$")
"""The path of an item through string or int keys; an optimizer's state has parameters as keys."""

SharedItem = tuple[AccessPath, str, "Change"]


def kept_by_reference(changes: Sequence[Change], snapshot: Snapshot, cell: int) -> Iterator[Lasting]:
    """Yield hazards for dicts whose tensors an optimizer step changed, because a module or an optimizer owns them."""
    trained = _trained(changes, snapshot)
    roots: dict[str, list[SharedItem]] = {}
    for change in changes if trained else ():
        path = parse_path(change.path) if change.silent and _OF_A_DICT.search(change.path) else None
        reading = snapshot.get(change.path)
        if path is not None and reading is not None and reading.storage in trained:
            roots.setdefault(path.root, []).append((path, trained[reading.storage], change))
    for followers in roots.values():
        yield _lasting(followers, snapshot, cell)


def _trained(changes: Sequence[Change], snapshot: Snapshot) -> Mapping[int, str]:
    """Map the storages that an optimizer step changed to the path it went through."""
    by_step = [change.path for change in changes if change.cause == "optimizer"]
    told = ((path, snapshot.get(path)) for path in reversed(by_step))
    return {reading.storage: path for path, reading in told if reading is not None and reading.storage}


def _lasting(followers: Sequence[SharedItem], snapshot: Snapshot, cell: int) -> Lasting:
    path, owner, change = followers[0]
    ends = [anchor(one, reading) for one in (str(path), owner) if (reading := snapshot.get(one)) is not None]
    return Lasting(hazard=_hazard(followers, change.site, cell), anchors=tuple(ends))


def _hazard(followers: Sequence[SharedItem], site: Site | None, cell: int) -> Hazard:
    several = [path.steps[:-1] for path, _, _ in followers]
    container = str(AccessPath(followers[0][0].root, several[0][: count_alike(several)]))
    owner = parse_path(followers[0][1]).root
    root = followers[0][0].root
    return Hazard(
        code="TW207",
        outcome="risk",
        paths=tuple(str(path) for path, _, _ in followers),
        op=None,
        fact=KeptReference(container=container, owner=owner),
        fix=Fix(kind="deep-copy", code=f"{root} = copy.deepcopy({root})"),
        written_at=site,
        written_cell=cell,
    )
