"""Read the nodes of an autograd graph: those that made watched tensors, and those below one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..runtime.graph_private import LEAF_NUMBER, leaf_of
from ..tensors.node_readers import NODE_KINDS, NodeKind, kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .raw_saves import RawSave

    InputNode = tuple[int, Any, NodeKind]
    """A node below another one, with its sequence number, which is `LEAF_NUMBER` for a leaf."""

    Inputs = tuple[tuple[int, ...], Sequence[InputNode]]
    """The sequence numbers of the nodes below one, and these nodes."""

    MetNode = tuple[Any, Sequence[RawSave], Inputs]
    """A node that was met, what it saved, and what is below it, so that nothing is read twice in one look."""


class MakerNode(NamedTuple):
    """A node that made watched tensors, and the paths to these."""

    node: Any
    paths: list[str]


NO_INPUTS: Inputs = (), ()


def inputs_of(node: object, kind: NodeKind) -> Inputs:
    """Return the nodes that a node's gradients flow to."""
    numbers, found = [], []
    for one, _ in kind.follow(node):
        if one is not None:
            its_kind = NODE_KINDS.get(type(one)) or kind_of(one)
            numbers.append(number := its_kind.number(one))
            found.append((number, one, its_kind))
    return tuple(numbers), found


def leaf_ids(inputs: Inputs) -> list[int]:
    """Return the ids of the leaves among the nodes below one."""
    numbers, nodes = inputs
    return [id(leaf_of(node)) for number, node, _ in nodes if number == LEAF_NUMBER] if LEAF_NUMBER in numbers else []
