"""Changes that are told under another path: those of a name that is left over from a loop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..model.snapshots.difference import Difference
    from .evidence.cell_index import CellIndex
    from .verdict import Verdict


def tell_once(verdict: Verdict, cell: CellIndex, difference: Difference, leftovers: Collection[str]) -> Verdict:
    """Return the verdict, no longer silent if a loop has left over the name and its memory has another path."""
    name = difference.path.root
    reading = difference.after or difference.before
    if not verdict.is_silent or name not in leftovers or reading is None:
        return verdict
    if all(path.root in leftovers for path, _ in cell.places.overlapping(reading)):
        return verdict
    return replace(verdict, cause="leftover")
