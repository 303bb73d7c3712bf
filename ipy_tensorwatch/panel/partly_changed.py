"""The changed bytes of variables that changed in part; of those that changed as a whole, the lane tells them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from ..core.memory.changed_bytes import Dirty, find_dirty
from ..render.paint.memory_picture import members_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.memory.alias_groups import Grouping
    from ..core.records.reading import Reading
    from ..core.records.report_parts import Change
    from ..render.report import Report

MAX_GROUPS = 64
"""How many blocks are examined; in the others, changed variables are marked as a whole."""


def tell_parts(report: Report, grouping: Grouping) -> dict[str, Any]:
    """Return, for each variable that changed in part, the changed byte runs of its block and whether they are exact."""
    partly = {change.path for change in report.changes if _is_partly(change)}
    found: dict[str, Any] = {}
    for readings in islice(_blocks(grouping, partly), MAX_GROUPS):
        dirty = find_dirty(members_of(readings, report))
        found |= {path: _tell(one) for path, one in dirty.items() if path in partly}
    return found


def _is_partly(change: Change) -> bool:
    elements = change.elements
    return change.kind == "mutated" and (elements is None or elements.changed != elements.total)


def _blocks(grouping: Grouping, partly: set[str]) -> Iterator[dict[str, Reading]]:
    """Yield the readings of each block that holds such a variable."""
    for homes, group in grouping.blocks.items() if partly else ():
        if not partly.isdisjoint(group.members):
            readings = {str(path): reading for home in homes for path, reading in grouping.homes[home]}
            if not any(one.unknown for one in readings.values()):
                yield readings


def _tell(dirty: Dirty) -> dict[str, Any]:
    return {"runs": [(run.low, run.high) for run in dirty.runs], "exact": dirty.is_exact}
