"""Find the saved tensor at which a backward stopped, in the graph that the error's own frames still hold.

The node that failed says the same words again when its saved tensor is read as backward reads it. What is under hooks
or a checkpoint is passed by: to read it would run them.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from ..core.saved import Spoiled
from .crash import frames_of, locals_of
from .kinds import kind_of
from .nodes import Made, nodes_of, saved_version, walk_nodes
from .read import TORCH_TYPES, may_be_stale, read
from .stack import MAX_NODES
from .torch_private import (
    LEAF_NUMBER,
    PythonNode,
    SavedTensor,
    has_hook,
    has_storage,
    plain_reads,
    storage_address,
    user_modes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..core.failure import Complaint
    from .identity import ObjectSerials, StorageSerials
    from .kinds import Kind

CLOCK_EVERY = 256
MAX_ITEMS = 1000
"""How many items of one list are looked at for tensors."""


class _Kept(NamedTuple):
    """A saved tensor in its node; it must not outlive the look."""

    node: Any
    number: int
    op: str
    argument: str
    raw: Any
    tensor: torch.Tensor
    check: Callable[[Any], object]


def find_spoiled(
    error: BaseException, complaint: Complaint, storages: StorageSerials, objects: ObjectSerials, seconds: float
) -> Spoiled | None:
    """Find what a complaint is about: of several that say the same, the one that backward ran first."""
    if user_modes():
        return None
    deadline = time.perf_counter() + seconds
    with plain_reads():
        for frame in frames_of(error):  # the innermost is PyTorch's own, with just what backward began from
            own = locals_of(frame)
            tensors = (("", _with_history(one)) for one in _tensors_in(own))
            nodes = {**nodes_of(tensors, set()), **_nodes_in(own)}
            found = _unpacked_in(own, complaint) or _search(nodes, complaint, objects, deadline)
            if found is not None:
                named = [one for other in frames_of(error) for one in _tensors_in(locals_of(other))]
                return _tell(found, complaint, nodes, named, storages)
    return None


def _tensors_in(names: Mapping[str, object]) -> Iterator[torch.Tensor]:
    """Give the tensors that names lead to, straight or in a plain list, tuple or dict."""
    yield from (one for value in [*names.values()] for one in _items_of(value)[:MAX_ITEMS] if type(one) in TORCH_TYPES)


def _items_of(value: Any) -> list[Any]:  # noqa: ANN401
    if type(value) is dict:
        return [*value.values()]
    return [*value] if type(value) in (list, tuple) else [value]


def _nodes_in(names: Mapping[str, object]) -> dict[int, Made]:
    """Give the nodes among names: edges that a backward was handed, and the `ctx` of a user's own Function."""
    edge = getattr(torch.autograd.graph, "GradientEdge", ())
    values = [one for value in [*names.values()] for one in (value, *_items_of(value)[:MAX_ITEMS])]
    nodes = [one[0] for one in values if edge and type(one) is edge]
    nodes += [one for one in values if issubclass(type(one), PythonNode)]
    return {kind_of(node).number(node): Made(node, []) for node in nodes}


def _with_history(tensor: torch.Tensor) -> torch.Tensor:
    """Give the tensor to ask for its history: a view of written memory would make itself a new node."""
    base = tensor._base if may_be_stale(tensor) else None
    return tensor if base is None else base


def _unpacked_in(names: Mapping[str, object], complaint: Complaint) -> _Kept | None:
    """Find what a checkpoint was about to compute from again: it keeps its inputs beside the graph."""
    raws: list[Any] = [one for one in names.values() if type(one) is SavedTensor and not has_hook(one)]
    kept = (_Kept(raw, -1, "checkpoint", "input", raw, raw.data, SavedTensor.unpack) for raw in raws)
    return next((one for one in kept if complaint.facts in _words_of(one.check, one.node)), None)


def _search(nodes: Mapping[int, Made], complaint: Complaint, objects: ObjectSerials, deadline: float) -> _Kept | None:
    best: _Kept | None = None
    is_it = _is_detached if complaint.trouble == "detached" else _is_overwritten
    for count, (number, node, kind, _) in enumerate(islice(walk_nodes(nodes, set()), MAX_NODES)):
        if count % CLOCK_EVERY == 0 and time.perf_counter() > deadline:
            break
        if best is None or number > best.number:
            best = next((one for one in _kept_in(node, kind) if is_it(one, complaint, objects)), best)
    return best


def _kept_in(node: Any, kind: Kind) -> Iterator[_Kept]:  # noqa: ANN401
    number = kind.number(node)
    for slot in kind.saved:
        try:
            found = slot.read(node)
        except RuntimeError:  # let go of by backward
            continue
        raws = [one for one in (found if isinstance(found, tuple) else (found,)) if one is not None]
        if not any(map(has_hook, raws)):
            yield from (
                _Kept(node, number, kind.name(node), slot.name, raw, tensor, slot.check)
                for raw in raws
                if type(tensor := raw.data) in TORCH_TYPES
            )


def _is_overwritten(one: _Kept, complaint: Complaint, _: ObjectSerials) -> bool:
    version = one.tensor._version
    if complaint.now is None or version < complaint.now or ", ".join(map(str, one.tensor.shape)) != complaint.shape:
        return False
    return complaint.facts in _words_of(one.check, one.node)


def _is_detached(one: _Kept, complaint: Complaint, objects: ObjectSerials) -> bool:
    """Tell a saved tensor without its history; an operator's result has none either, but no variable is that object."""
    if one.tensor.grad_fn is not None or objects.of_id(id(one.tensor)) is None:
        return False
    return complaint.facts in _words_of(SavedTensor.unpack, one.raw)


def _words_of(check: Callable[[Any], object], node: Any) -> str:  # noqa: ANN401
    try:
        check(node)
    except RuntimeError as error:
        return str(error)
    return ""


def _tell(
    one: _Kept, complaint: Complaint, nodes: Mapping[int, Made], named: list[torch.Tensor], storages: StorageSerials
) -> Spoiled:
    spoiled = Spoiled(
        op=one.op,
        argument=one.argument,
        sequence=one.number,
        reading=read(one.tensor, "saved", 0, storages),
        now=one.tensor._version,
        expected=one.tensor._version if complaint.expected is None else complaint.expected,
        is_output=one.argument.startswith(("result", "output")),
        is_detached=complaint.trouble == "detached",
    )
    if spoiled.is_detached or not has_storage(one.tensor):
        return spoiled
    place = storage_address(one.tensor.untyped_storage())
    writers = {
        number: op for op, number in _writers(spoiled, [one.tensor, *named], nodes, place) if number > one.number
    }
    first = min(writers, default=None)
    return replace(
        spoiled,
        writer=None if first is None else (writers[first], first),
        users=tuple(_users(nodes, one.number)),
    )


def _writers(
    spoiled: Spoiled, known: list[torch.Tensor], nodes: Mapping[int, Made], place: int
) -> Iterator[tuple[str, int]]:
    """Give the nodes of the graph that must have moved the version from the one that was expected.

    An operator that saved its own result, at the version that came next, wrote it there. And where the version moved
    but once, whichever node stands behind the tensor by now did it.
    """
    for number, node, kind, _ in islice(walk_nodes(nodes, set(), lowest=spoiled.sequence + 1), MAX_NODES):
        for kept in _kept_in(node, kind):
            if _lies_in(kept.tensor, place):
                known.append(kept.tensor)
                is_result = kept.argument.startswith("result")
                if is_result and saved_version(node, kept.tensor, kept.check) == spoiled.expected + 1:
                    yield kind.name(node), number
    if spoiled.now != spoiled.expected + 1:
        return
    for tensor in known:
        base = tensor._base if tensor._is_view() else tensor
        node = base.grad_fn if base is not None and _lies_in(tensor, place) else None
        if node is not None and kind_of(node).number(node) != LEAF_NUMBER:
            yield kind_of(node).name(node), kind_of(node).number(node)


def _lies_in(tensor: torch.Tensor, place: int) -> bool:
    return has_storage(tensor) and storage_address(tensor.untyped_storage()) == place


def _users(nodes: Mapping[int, Made], sequence: int) -> Iterator[str]:
    for _, node, kind, below in islice(walk_nodes(nodes, set(), lowest=sequence + 1), MAX_NODES):
        if sequence in below:
            yield kind.name(node)
