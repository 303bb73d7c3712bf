"""Graphs of which a backward has freed a part, as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...host.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping


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
