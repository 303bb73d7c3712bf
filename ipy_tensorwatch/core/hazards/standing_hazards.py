"""The hazards after a cell, and the state needed to find those after the next one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..runtime.record import field, record

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..blame.evidence.statement_timeline import Timeline
    from ..records.snapshots.snapshot import Snapshot
    from ..records.trace.evidence import OptimizerHolding
    from ..records.trace.graph_state import HalfFreed
    from ..records.trace.saved_tensor import Overwritten, Writing
    from .fix import Fix
    from .hazard import Hazard, Turn
    from .lasting_hazard import Lasting
    from .optimizers.made_optimizer import MadeOptimizer

    Seen = tuple[
        tuple[Overwritten, ...], Snapshot, tuple[int, ...], tuple[HalfFreed, ...], tuple[OptimizerHolding, ...]
    ]


@record
class Updated:
    """Memory that a cell's optimizer steps or updates by hand wrote.

    Attributes
    ----------
    storages
        The storages of the parameters.
    lines
        The line and the text of the statements that wrote; empty if they are not known.
    """

    cell: int
    storages: frozenset[int]
    lines: frozenset[tuple[int, str]]


@record
class Standing:
    """The state of the hazards after a cell.

    Attributes
    ----------
    hazards
        The current hazards.
    turned
        The hazards that began or ended with the cell.
    lasting
        The hazards that last as long as variables lead to the same memory.
    built
        The timelines of the cells that still have live nodes.
    updated
        The updates since the oldest of these cells.
    writings
        The writes to saved tensors, by the key of the overwritten tensor.
    optimizers
        The optimizers that variables lead to, as first seen.
    backwards
        The last cell in which a backward of each variable ran, as typed.
    fixes
        The fixes of the current hazards, each with its edits.
    seen
        The inputs of the search: overwritten tensors, snapshot, freed storages, half-freed graphs, and optimizers.
    """

    hazards: tuple[Hazard, ...] = ()
    turned: tuple[Turn, ...] = ()
    lasting: tuple[Lasting, ...] = ()
    built: Mapping[int, Timeline] = field(default_factory=dict)
    updated: tuple[Updated, ...] = ()
    writings: Mapping[object, Writing] = field(default_factory=dict)
    optimizers: Mapping[str, MadeOptimizer] = field(default_factory=dict)
    backwards: Mapping[str, int] = field(default_factory=dict)
    fixes: Mapping[Fix, Fix] = field(default_factory=dict)
    seen: Seen | None = None

    def with_failure(self, turn: Turn, ahead: Collection[Hazard]) -> Standing:
        """Add the hazard that made the cell raise; of the hazards it began, only those still ahead are new."""
        kept = (one for one in self.turned if one.why is not None or one.hazard in ahead)
        return replace(self, turned=(turn, *kept))
