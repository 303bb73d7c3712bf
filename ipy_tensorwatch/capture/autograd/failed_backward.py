"""Find the saved tensor at which a backward raised, in the graph that the error's frames still hold.

The failed node raises the same message again when its saved tensor is read as backward reads it. Tensors under hooks
or a checkpoint are skipped: reading them would run the hooks.
"""

from __future__ import annotations

from dataclasses import replace
from heapq import heapify, heappop, heappush
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from ...core.records.trace.graph_state import GraphAtError
from ...core.records.trace.saved_tensor import Spoiled
from ...core.runtime.record import field, mutable
from ..frames.traceback_frames import frames_of, locals_of
from ..runtime.graph_private import (
    FOLLOWS_GRAPHS,
    LEAF_NUMBER,
    CheckpointFrame,
    PythonNode,
    checkpoint_arguments,
    error_message_of,
    has_hook,
    unpack_saved,
)
from ..runtime.node_limit import is_enough
from ..runtime.torch_private import plain_reads, user_modes
from ..tensors.node_readers import NodeKind, kind_of
from ..tensors.plain_reads import base_of, has_storage, is_plain, is_view, storage_of, version_of
from ..tensors.read_tensor import bearer_of, read
from .node_inputs import MakerNode
from .raw_saves import state_of
from .saved_by_nodes import nodes_of, saved_version, walk_nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ...core.explain.error_messages import ErrorMessage
    from ..tensors.serials import ObjectSerials, StorageSerials
    from .saved_by_nodes import WalkedNodes

    Nodes = Mapping[int, MakerNode]

MAX_NAMES = 10_000
"""The maximum number of names read of one frame."""
MAX_ITEMS = 1000
"""The maximum number of items of one list searched for tensors."""
MAX_VIEWS = 4
"""How many nodes below a failed one are searched for the one that made its input."""


class _Kept(NamedTuple):
    """A saved tensor and its node; it must not outlive the look."""

    node: Any
    number: int
    op: str
    argument: str
    raw: Any
    tensor: torch.Tensor
    check: Callable[[Any], object]


def find_spoiled(
    error: BaseException, error_message: ErrorMessage, storages: StorageSerials, objects: ObjectSerials, seconds: float
) -> Spoiled | None:
    """Return the saved tensor that an error message is about."""
    if not FOLLOWS_GRAPHS or user_modes():
        return None
    search = _Search(error_message, objects, perf_counter() + seconds)
    with plain_reads():
        for frame in frames_of(error):  # the innermost frame is PyTorch's, with the roots of backward
            if perf_counter() > search.deadline:
                return None
            own = locals_of(frame)
            roots = (("", one) for one in map(bearer_of, tensors_in(own)))
            nodes = {**nodes_of(roots, {}, set()), **_nodes_in(own)}
            found = _unpacked_in(own, error_message) or search.run(nodes)
            if found is not None:
                named = [*_named_in(error, search.deadline)]
                return _tell(found, error_message, _Above(nodes, search.seen), named, storages)
    return None


def _named_in(error: BaseException, deadline: float) -> Iterator[torch.Tensor]:
    """Yield the tensors among the names of all frames, until the deadline."""
    for frame in frames_of(error):
        if perf_counter() > deadline:
            return
        yield from tensors_in(locals_of(frame))


@mutable
class _Search:
    """Searches graphs for the failed node, in the order of backward: latest nodes first.

    Attributes
    ----------
    seen
        The sequence numbers of the nodes read so far, limited by the stack size.
    """

    error_message: ErrorMessage
    objects: ObjectSerials
    deadline: float
    seen: set[int] = field(default_factory=set)

    def run(self, nodes: Nodes) -> _Kept | None:
        """Search the graphs below some nodes."""
        is_it = _is_detached if self.error_message.trouble == "detached" else _is_overwritten
        waiting = [(-number, id(one.node), one.node) for number, one in nodes.items()]
        heapify(waiting)
        met = {LEAF_NUMBER}
        while waiting and not is_enough(len(self.seen), self.deadline):
            number, _, node = heappop(waiting)
            if -number in met:
                continue
            met.add(-number)
            self.seen.add(-number)
            kind = kind_of(node)
            found = next((one for one in _kept_in(node, kind) if is_it(one, self.error_message, self.objects)), None)
            if found is not None:
                return found
            for one, _ in kind.follow(node):
                if one is not None:
                    heappush(waiting, (-kind_of(one).number(one), id(one), one))
        return None


class _Above(NamedTuple):
    """The part of a graph read so far."""

    nodes: Nodes
    seen: set[int]

    def since(self, number: int) -> WalkedNodes:
        """Yield the nodes made after a sequence number."""
        return walk_nodes(self.nodes, set(), lowest=number + 1, only=self.seen)


def tensors_in(names: Mapping[str, object]) -> Iterator[torch.Tensor]:
    """Yield the tensors that names refer to, directly or in a plain list, tuple or dict."""
    yield from (one for value in _values(names) for one in _items_of(value) if is_plain(one))


def _values(names: Mapping[str, object]) -> list[Any]:
    return [*islice(names.values(), MAX_NAMES)]


def _items_of(value: Any) -> list[Any]:  # noqa: ANN401
    """Return an object, or the first items of a plain container."""
    if type(value) is dict:
        return [*islice(value.values(), MAX_ITEMS)]
    return [*value[:MAX_ITEMS]] if type(value) in (list, tuple) else [value]


def _nodes_in(names: Mapping[str, object]) -> dict[int, MakerNode]:
    """Return the nodes among names: edges passed to a backward, and the `ctx` of a custom Function."""
    edge = getattr(torch.autograd.graph, "GradientEdge", ())
    values = [one for value in _values(names) for one in (value, *_items_of(value))]
    nodes = [one[0] for one in values if edge and type(one) is edge]
    nodes += [one for one in values if issubclass(type(one), PythonNode)]
    return {kind_of(node).number(node): MakerNode(node, []) for node in nodes}


def _unpacked_in(names: Mapping[str, object], error_message: ErrorMessage) -> _Kept | None:
    """Return the tensor that a checkpoint was about to recompute from, which it keeps outside the graph."""
    frames = (value for value in names.values() if type(value) is CheckpointFrame)
    again = (one for frame in frames for one in checkpoint_arguments(frame))
    kept = (_Kept(None, -1, "checkpoint", "input", None, tensor, check) for tensor, check in again)
    may_be = (one for one in kept if error_message.trouble == "detached" or _has_moved_on(one.tensor, error_message))
    return next((one for one in may_be if _says(error_message, one.check, one.node)), None)


def _kept_in(node: Any, kind: NodeKind) -> Iterator[_Kept]:  # noqa: ANN401
    number = kind.number(node)
    for slot in kind.saved:
        try:
            found = slot.read(node)
        except RuntimeError:  # released by backward
            continue
        raws = [one for one in (found if isinstance(found, tuple) else (found,)) if one is not None]
        if not any(map(has_hook, raws)):
            yield from (
                _Kept(node, number, kind.name(node), slot.name, raw, tensor, slot.check)
                for raw in raws
                if is_plain(tensor := raw.data)
            )


def _is_overwritten(one: _Kept, error_message: ErrorMessage, _: ObjectSerials) -> bool:
    return _has_moved_on(one.tensor, error_message) and _says(error_message, one.check, one.node)


def _has_moved_on(tensor: torch.Tensor, error_message: ErrorMessage) -> bool:
    """Return whether a tensor has the shape, and at least the version, that a message tells."""
    shape = ", ".join(map(str, tensor.shape))
    return error_message.now is not None and version_of(tensor) >= error_message.now and shape == error_message.shape


def _is_detached(one: _Kept, error_message: ErrorMessage, objects: ObjectSerials) -> bool:
    """Return whether a saved tensor was detached; operator results, which no variable holds, are excluded."""
    if one.tensor.grad_fn is not None or objects.known(one.tensor) is None:
        return False
    return _says(error_message, unpack_saved, one.raw)


def _says(error_message: ErrorMessage, check: Callable[[Any], object], node: Any) -> bool:  # noqa: ANN401
    """Return whether a check fails with the text of an error message."""
    found = error_message_of(check, node)
    return found is not None and error_message.facts in found.facts


def _tell(
    one: _Kept, error_message: ErrorMessage, above: _Above, named: list[torch.Tensor], storages: StorageSerials
) -> Spoiled:
    spoiled = Spoiled(
        op=one.op,
        argument=one.argument,
        sequence=one.number,
        reading=read(one.tensor, "saved", 0, storages),
        now=version_of(one.tensor),
        expected=version_of(one.tensor) if error_message.expected is None else error_message.expected,
        is_output=_is_result(one),
        is_detached=error_message.trouble == "detached",
    )
    if spoiled.is_detached or not has_storage(one.tensor):
        return spoiled
    place = id(storage_of(one.tensor))
    writers = {
        number: op for op, number in _writers(spoiled, [one.tensor, *named], above, place) if number > one.number
    }
    first = min(writers, default=None)
    return replace(
        spoiled,
        is_kept_by_maker=_is_kept_by_maker(one, place),
        writer=None if first is None else (writers[first], first),
        users=tuple(_users(above, one.number)),
    )


def _writers(spoiled: Spoiled, known: list[torch.Tensor], above: _Above, place: int) -> Iterator[tuple[str, int]]:
    """Yield the nodes that must have moved the version counter past the expected one.

    An operator that saved its own result at the next version wrote it. If the version moved only
    once, the tensor's present `grad_fn` did it.
    """
    for number, node, kind, _ in above.since(spoiled.sequence):
        for kept in _kept_in(node, kind):
            if _lies_in(kept.tensor, place):
                known.append(kept.tensor)
                is_result = kept.argument.startswith("result")
                if is_result and saved_version(node, kept.tensor, kept.check) == spoiled.expected + 1:
                    yield kind.name(node), number
    if spoiled.now != spoiled.expected + 1:
        return
    for tensor in known:
        base = base_of(tensor) if is_view(tensor) else tensor
        node = base.grad_fn if base is not None and _lies_in(tensor, place) else None
        if node is not None and kind_of(node).number(node) != LEAF_NUMBER:
            yield kind_of(node).name(node), kind_of(node).number(node)


def _is_result(one: _Kept) -> bool:
    return one.argument.startswith(("result", "output"))


def _is_kept_by_maker(one: _Kept, place: int) -> bool:
    """Return whether what made a node's input saved it as its result; views in between save nothing."""
    waiting = [] if one.node is None or _is_result(one) else [one.node]
    for _ in range(MAX_VIEWS):
        below = [node for above in waiting for node, _ in kind_of(above).follow(above) if node is not None]
        kept = [(node, [*_kept_in(node, kind_of(node))]) for node in below]
        if any(_is_result(each) and _lies_in(each.tensor, place) for _, several in kept for each in several):
            return True
        waiting = [node for node, several in kept if not several]
    return False


def _lies_in(tensor: torch.Tensor, place: int) -> bool:
    return has_storage(tensor) and id(storage_of(tensor)) == place


def _users(above: _Above, sequence: int) -> Iterator[str]:
    for _, node, kind, below in above.since(sequence):
        if sequence in below:
            yield kind.name(node)


def graph_at(error: BaseException, seconds: float) -> GraphAtError | None:
    """Return the graph of the backward that an error stopped, from the frames of its traceback."""
    deadline = perf_counter() + seconds
    with plain_reads():
        for frame in frames_of(error):  # the innermost frame is PyTorch's, with the roots of backward
            nodes = nodes_of((("", bearer_of(one)) for one in tensors_in(locals_of(frame))), {}, set())
            if nodes:
                return _read_graph(nodes, deadline)
    return None


def _read_graph(nodes: Mapping[int, MakerNode], deadline: float) -> GraphAtError:
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
