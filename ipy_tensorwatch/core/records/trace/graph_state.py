"""The graphs of watched tensors, as far as hazards depend on them, and of which of them a backward has freed a part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ...runtime.record import field, record

if TYPE_CHECKING:
    from collections.abc import Mapping

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


@record
class HalfFreed:
    """A graph of which some nodes still hold what they saved, while nodes below them were freed.

    Attributes
    ----------
    roots
        The variables that it computed, the latest first.
    names
        The variables through which it leads to the freed part, each computed by freed nodes alone.
    node, cell
        The sequence number of the freed node that backward meets first, and the cell after which it was first seen.
    user, user_cell
        The same of the first node that was computed from the freed part.
    op
        The name of the freed node.
    is_new_pass
        Whether a node that still holds what it saved leads to a leaf by another way: to compute a gradient anew.
    was_whole
        Whether no part of it was freed at the look before.
    is_covered
        Whether every leaf below the freed part is reached by another way too, as with the state of a recurrent network.
    """

    roots: tuple[str, ...]
    names: tuple[str, ...]
    node: int
    cell: int
    user: int
    user_cell: int
    op: str
    is_new_pass: bool
    was_whole: bool = False
    is_covered: bool


@record
class GraphAtError:
    """The graph of a backward that raised, by the sequence numbers of its nodes.

    Attributes
    ----------
    root
        The node that the backward began at.
    below
        For each node those below it, leaves left out.
    freed
        The nodes that hold nothing any more: those that this backward ran, too.
    ops
        The name of each node.
    """

    root: int
    below: Mapping[int, tuple[int, ...]]
    freed: frozenset[int]
    ops: Mapping[int, str]
