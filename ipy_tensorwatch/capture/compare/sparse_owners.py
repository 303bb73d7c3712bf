"""A sparse tensor is changed if one of its components is: it has no memory but theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.records.snapshots.difference import DiffRow
from ..snapshot.tensor_parts import COMPONENT
from .element_diff import ElementDiff

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.records.snapshots.snapshot import Snapshot

_CHANGED = ElementDiff(changed=True, verified=True)


def with_owners(
    snapshot: Snapshot, rows: Sequence[DiffRow], contents: Sequence[ElementDiff]
) -> tuple[list[DiffRow], list[ElementDiff]]:
    """Return the rows and their contents, with a changed row for each owner of a changed component."""
    both = [*zip(rows, contents, strict=True)]
    components = [row for row, one in both if row.after is not None and row.after.kind == COMPONENT and one.changed]
    if not components:
        return [*rows], [*contents]
    paths = [one.scene.path_at(one.place) for one in components]
    known = {str(row.scene.path_at(row.place)): number for number, row in enumerate(rows)}
    for path in {str(path.owner) for path in paths}:
        number, place = known.get(path), snapshot.place_of(path)
        if number is not None:
            both[number] = rows[number], _CHANGED
        elif place is not None:
            reading = place[0].readings[place[1]]
            both.append((DiffRow(*place, reading, reading), _CHANGED))
    return [row for row, _ in both], [one for _, one in both]
