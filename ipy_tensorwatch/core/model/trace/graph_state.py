"""The state of the watched tensors' graphs, as far as hazards depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ...host.record import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .half_freed import HalfFreed
    from .saved_tensor import Overwritten, SavedTensor

Ending = Literal["graph-gone", "bytes-back", "backward-done", "variable-gone", "memory-replaced"]
"""Why a hazard ended."""


@record
class GraphState:
    """The graphs after a cell.

    Attributes
    ----------
    overwritten
        The saved tensors that were overwritten.
    spent
        The saved tensors that were overwritten in the cell, and that a backward in it released.
    cells
        The cells with live nodes.
    same
        The paths of tensors whose bytes changed and whose `grad_fn` did not.
    used
        Those of `same` that a graph uses as input: its gradients are those of the old bytes.
    half_freed
        The graphs of which a backward has freed a part.
    fates
        Why the hazards from before the cell ended, by the sequence number of their node.
    """

    overwritten: tuple[Overwritten, ...] = ()
    spent: tuple[SavedTensor, ...] = ()
    cells: frozenset[int] = frozenset()
    same: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()
    half_freed: tuple[HalfFreed, ...] = ()
    fates: Mapping[int, Ending] = field(default_factory=dict)
