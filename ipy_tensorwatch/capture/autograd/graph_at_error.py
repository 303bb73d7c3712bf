"""Read the graph of a backward that raised, which the frames of its error still hold."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from ...core.model.trace.half_freed import GraphAtError
from ..frames.traceback_frames import frames_of, locals_of
from ..host.node_limit import is_enough
from ..host.torch_private import plain_reads
from ..tensors.read_tensor import bearer_of
from .failed_node import tensors_in
from .freed_nodes import state_of
from .saved_by_nodes import nodes_of, walk_nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .saved_by_nodes import Made


def graph_at(error: BaseException, seconds: float) -> GraphAtError | None:
    """Return the graph of the backward that an error stopped, from the frames of its traceback."""
    deadline = perf_counter() + seconds
    with plain_reads():
        for frame in frames_of(error):  # the innermost frame is PyTorch's, with the roots of backward
            nodes = nodes_of((("", bearer_of(one)) for one in tensors_in(locals_of(frame))), {}, set())
            if nodes:
                return _read_graph(nodes, deadline)
    return None


def _read_graph(nodes: Mapping[int, Made], deadline: float) -> GraphAtError:
    below: dict[int, tuple[int, ...]] = {}
    freed: set[int] = set()
    ops: dict[int, str] = {}
    for number, node, kind, under in walk_nodes(nodes, set()):
        if is_enough(len(below), deadline):
            break
        below[number], ops[number] = under, kind.name(node)
        if kind.saved and state_of(node, kind) == "freed":
            freed.add(number)
    return GraphAtError(root=max(nodes), below=below, freed=frozenset(freed), ops=ops)
