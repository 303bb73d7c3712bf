"""Changes that are told under another path: of a name that a loop has left over, or of a sparse tensor's component."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .spent_results import is_spent

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..model.reading import Reading
    from ..model.snapshots.difference import Difference
    from .evidence.cell_index import CellIndex
    from .verdict import Verdict


def quiet_if_told_elsewhere(
    verdict: Verdict, cell: CellIndex, difference: Difference, leftovers: Collection[str]
) -> Verdict:
    """Return the verdict, no longer silent if the same is told of another path.

    That is another path to the memory of a name that a loop has left over, or of a result that a turn of it has used
    up, and the tensor of a component.
    """
    reading = difference.after or difference.before
    if not verdict.is_silent or reading is None:
        return verdict
    if reading.kind == "component":
        return replace(verdict, cause="component")
    is_left = _is_left(cell, difference, reading, leftovers) or is_spent(verdict, cell, difference.path.root, reading)
    return replace(verdict, cause="leftover") if is_left else verdict


def _is_left(cell: CellIndex, difference: Difference, reading: Reading, leftovers: Collection[str]) -> bool:
    if difference.path.root not in leftovers:
        return False
    return any(path.root not in leftovers for path, _ in cell.places.overlapping(reading))
