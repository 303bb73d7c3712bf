"""The hazards that stand after a cell, and what it takes to say more of them after the next one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..blame.statement_timeline import Timeline
    from ..model.saved_tensor import Overwritten, Writing
    from ..model.snapshot import Snapshot
    from .fix import Fix
    from .hazard import Hazard, Turn
    from .standing_hazard import Lasting


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of hazards after a cell.

    Attributes
    ----------
    hazards
        Those that stand.
    turned
        Which of them began with the cell, and which were over.
    lasting
        Those that last for as long as variables lead to the same memory.
    built
        For the cells of whose graphs some node lives, when their statements ran.
    writings
        Who overwrote what a graph had saved, by the key of what was overwritten.
    fixes
        The fixes of the hazards that stand, each with its edits.
    seen
        What the hazards were found from: what was overwritten, the snapshot, and the storages that were gone.
    """

    hazards: tuple[Hazard, ...] = ()
    turned: tuple[Turn, ...] = ()
    lasting: tuple[Lasting, ...] = ()
    built: Mapping[int, Timeline] = field(default_factory=dict)
    writings: Mapping[object, Writing] = field(default_factory=dict)
    fixes: Mapping[Fix, Fix] = field(default_factory=dict)
    seen: tuple[tuple[Overwritten, ...], Snapshot, tuple[int, ...]] | None = None

    def with_failure(self, turn: Turn, ahead: Collection[Hazard]) -> Standing:
        """Add what the cell died of; of the hazards that it began only those still ahead are news."""
        kept = (one for one in self.turned if one.why is not None or one.hazard in ahead)
        return replace(self, turned=(turn, *kept))
