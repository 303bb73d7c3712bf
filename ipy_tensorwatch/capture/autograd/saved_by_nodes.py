"""Read the nodes of an autograd graph without unpacking saved tensors; no node outlives the look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ...core.hazards.overwritten.mask_only_backward import Mask, mask_of_node
from ...core.hazards.overwritten.unused_by_backward import WHOLE, Use
from ..objects.inspect_object import pairs_of, text_of, value_at
from ..runtime.graph_private import FOLLOWS_GRAPHS, LEAF_NUMBER, error_message_of, leaf_of, setting_of
from ..runtime.torch_private import plain_reads, user_modes
from ..tensors.node_readers import NODE_KINDS, NodeKind, is_python, kind_of
from ..tensors.plain_reads import has_storage, is_plain, node_of, storage_of, version_of
from .checkpoint_inputs import inputs_of_checkpoint, tensors_read_by
from .node_inputs import MakerNode, inputs_of
from .raw_saves import raw_saves

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

    import torch

    from ..tensors.serials import StorageSerials
    from .graph_survey import GraphSurvey
    from .raw_saves import RawSave

    Root = tuple[str, torch.Tensor]
    WalkedNodes = Iterator[tuple[int, Any, NodeKind, tuple[int, ...]]]
    """Sequence numbers with their nodes and what is below these."""


class SavedByNode(NamedTuple):
    """A tensor that a node saved.

    Attributes
    ----------
    place
        Its index in a list.
    check
        Reads it as backward does; None if there is no check, as for attributes that a user sets on the node.
    use
        What gradients read of it.
    is_read_again
        Whether a checkpoint recomputes from it.
    """

    name: str
    place: int
    tensor: torch.Tensor
    check: Callable[[Any], object] | None
    use: Use = WHOLE
    is_read_again: bool = False


def kept_in(
    node: object, kind: NodeKind, checkpoints: set[int], saves: Sequence[RawSave] | None = None
) -> Iterator[SavedByNode]:
    """Yield the tensors that a node saved and did not release; those under hooks are left out.

    Parameters
    ----------
    checkpoints
        The known checkpoints; the inputs of a new one are yielded too.
    saves
        What the node saved, if it was read before.
    """
    if saves is None and (saves := raw_saves(node, kind)) is None:
        return
    for slot, place, check, saved, tensor in saves:
        if tensor is None:
            yield from _computed_again(saved, checkpoints)
        elif is_plain(tensor):
            yield SavedByNode(slot.name, place, tensor, check, slot.use)
    if is_python(kind):
        yield from _kept_by_hand(object.__getattribute__(node, "__dict__"))


def _computed_again(saved: Any, checkpoints: set[int]) -> Iterator[SavedByNode]:  # noqa: ANN401
    number, found = inputs_of_checkpoint(saved.unpack_hook)
    if number not in checkpoints:
        checkpoints.add(number)
        for place, (way, tensor, check) in enumerate(found):
            yield SavedByNode(way, place, tensor, check, is_read_again=True)


def _kept_by_hand(attributes: dict[Any, Any]) -> Iterator[SavedByNode]:
    for place, (name, value) in enumerate(pairs_of(attributes)):
        if is_plain(value):
            yield SavedByNode(text_of(name) or "", -1 - place, value, None)
    function = value_at(attributes, "run_function")
    if function is not None:  # a checkpoint that is itself a node
        for place, (way, tensor, _) in enumerate(tensors_read_by(function)):
            yield SavedByNode(way, place, tensor, None, is_read_again=True)


def saved_version(node: object, tensor: torch.Tensor, check: Callable[[Any], object] | None) -> int:
    """Return the version that a tensor was saved with; only a failing check states an older one."""
    version = version_of(tensor)
    if not version or check is None:
        return version
    found = error_message_of(check, node)
    return version if found is None or found.expected is None or found.now != version else found.expected


def is_read(node: object, kind: NodeKind, use: Use, tensor: torch.Tensor) -> bool:
    """Return whether gradients depend on the bytes of a saved tensor."""
    if use is WHOLE:
        return True
    if use.is_none or (use.is_complex_only and not tensor.is_complex()):
        return False
    if use.mode and setting_of(node, use.mode[0]) in use.mode[1]:
        return False
    below = kind.follow(node) if use.inputs else ()
    return use.inputs is None or any(below[place][0] is not None for place in use.inputs if place < len(below))


def mask_on(node: Any, kind: NodeKind) -> Mask | None:  # noqa: ANN401
    """Return how a node masks by its saved tensors, if no gradient reads more of them."""
    if not kind.compares:
        return None
    saved = [slot.name for slot in kind.saved if slot.read(node) is not None]
    return mask_of_node(kind.name(node), saved, lambda name: setting_of(node, name)) if saved else None


def leaves_of_nodes(
    nodes: Mapping[int, MakerNode], storages: StorageSerials, only: Container[int]
) -> dict[int, frozenset[int]]:
    """Return, by node, the storages of the leaves that it gives gradients to; 0 for a leaf that is not watched."""
    found: dict[int, frozenset[int]] = {}
    for number, node, kind, below in walk_nodes(nodes, set(), only=only):
        if LEAF_NUMBER in below:
            inputs = (one for one, _ in kind.follow(node) if one is not None)
            leaves = [leaf_of(one) for one in inputs if kind_of(one).number(one) == LEAF_NUMBER]
            found[number] = frozenset(_serial_of(leaf, storages) for leaf in leaves)
    return found


def _serial_of(leaf: torch.Tensor, storages: StorageSerials) -> int:
    if not is_plain(leaf) or not has_storage(leaf):
        return 0
    return storages.at(id(storage_of(leaf))) or 0


def nodes_of(roots: Iterable[Root], before: Mapping[int, list[str]], clashes: set[int]) -> dict[int, MakerNode]:
    """Return the nodes that made the roots; empty under a user's dispatch mode.

    Parameters
    ----------
    before
        The paths that each node had at the last look.
    clashes
        Receives the sequence numbers of several nodes, because each thread numbers its own; the known node is
        returned, else the first.
    """
    found: dict[int, MakerNode] = {}
    if not FOLLOWS_GRAPHS or user_modes():
        return found
    with plain_reads():
        for path, tensor in roots:
            node = node_of(tensor)
            if node is None:
                continue
            number = (NODE_KINDS.get(type(node)) or kind_of(node)).number(node)
            known = found.get(number)
            if known is None:
                found[number] = MakerNode(node, [path])
            elif known.node is node:
                known.paths.append(path)
            else:
                clashes.add(number)
                if path in before.get(number, ()):
                    found[number] = MakerNode(node, [path])
    return found


def walk_nodes(  # noqa: PLR0913, PLR0917
    nodes: Mapping[int, MakerNode],
    known: set[int],
    lowest: int = 0,
    only: Container[int] | None = None,
    clashes: set[int] | None = None,
    survey: GraphSurvey | None = None,
) -> WalkedNodes:
    """Yield nodes and those below, each once, with the sequence numbers of their direct inputs.

    Parameters
    ----------
    known
        Nodes to skip, with everything below them.
    lowest
        The lowest sequence number; older nodes are skipped.
    only
        The nodes to which the walk is restricted.
    clashes
        Receives the sequence numbers of several nodes.
    survey
        What was met before; below a freed node of PyTorch's own the walk does not go, and it has no inputs then.
    """
    waiting = [(number, one.node, kind_of(one.node)) for number, one in nodes.items()]
    met: dict[int, Any] = {}
    known.add(LEAF_NUMBER)
    while waiting:
        number, node, kind = waiting.pop()
        if number in known:
            if clashes is not None and met.get(number, node) is not node:
                clashes.add(number)
            continue
        if number < lowest or (only is not None and number not in only):
            continue
        known.add(number)
        met[number] = node
        below, inputs = inputs_of(node, kind) if survey is None else survey.inputs_of(number, node, kind)
        waiting += inputs
        yield number, node, kind, below
