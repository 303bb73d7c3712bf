"""The fixes of new hazards, worded by the statements of the notebook."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .computed_again import named_again
from .copy_where_taken import copied_where_taken
from .derivation import FixContext

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..hazards.fix import Fix
    from ..hazards.hazard import Hazard
    from ..hazards.standing_hazards import Standing
    from ..origins.origins import Origins
    from ..records.snapshots.snapshot import Snapshot


def word_fixes(
    hazards: tuple[Hazard, ...], standing: Standing, after: Snapshot, cells: Mapping[int, str], origins: Origins
) -> tuple[tuple[Hazard, ...], Standing]:
    """Word the fixes of new hazards by the statements that took a reference, or computed what is stale."""
    new = [turn.hazard for turn in standing.turned if turn.why is None]
    context = FixContext(cell=max(cells, default=0), after=after, cells=cells, origins=origins)
    worded = {one.fix: fix for one in new if (fix := _worded(one, context)) != one.fix}
    if not worded:
        return hazards, standing

    def told(one: Hazard) -> Hazard:
        return replace(one, fix=worded.get(one.fix, one.fix))

    return tuple(map(told, hazards)), replace(
        standing,
        hazards=tuple(map(told, standing.hazards)),
        turned=tuple(replace(one, hazard=told(one.hazard)) for one in standing.turned),
        fixes={fix: worded.get(known, known) for fix, known in standing.fixes.items()},
    )


def _worded(hazard: Hazard, context: FixContext) -> Fix:
    fix = hazard.fix
    if fix.kind != "deep-copy":
        return named_again(hazard, context.cells)
    if fix.target is not None:
        return fix
    found = copied_where_taken(hazard, context)
    return fix if found.target is None else replace(found, edits=(), applicability="display")
