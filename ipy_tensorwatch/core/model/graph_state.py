"""What became of the graphs of the watched tensors, as far as a cell's hazards depend on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .saved_tensor import Overwritten

Ending = Literal["graph-gone", "bytes-back", "backward-done", "variable-gone", "memory-replaced"]
"""Why a hazard is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphState:
    """The graphs after a cell.

    Attributes
    ----------
    overwritten
        What they saved for a backward, and is not what it was.
    cells
        The cells of which nodes are alive.
    same
        The paths of tensors whose bytes changed, and that were made by the node that had made them before the cell.
    used
        Those of `same` from which something was computed: its gradients are those of what was there.
    fates
        Why nothing is in danger any more at the nodes of the hazards from before the cell.
    """

    overwritten: tuple[Overwritten, ...] = ()
    cells: frozenset[int] = frozenset()
    same: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()
    fates: Mapping[int, Ending] = field(default_factory=dict)
