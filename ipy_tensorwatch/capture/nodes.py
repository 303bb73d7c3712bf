"""Read the nodes of an autograd graph without unpacking what it saved; none outlives the look."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.mask import COMPARING, mask_of
from ..core.unread import inputs_of, is_unread, mode_of
from .read import TORCH_TYPES
from .recompute import computed_again, read_by
from .torch_private import (
    LEAF_NUMBER,
    PythonNode,
    checked_by,
    has_hook,
    kept_by,
    plain_reads,
    saved_names,
    setting_of,
    user_modes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import torch

    from ..core.mask import Mask

    Root = tuple[str, torch.Tensor]
    Nodes = Mapping[int, tuple[Any, list[str]]]

_COMPLAINT = re.compile(r"is at version (?P<now>\d+); expected version (?P<saved>\d+)")


class Kind(NamedTuple):
    """How nodes of one class are read, whatever a user's class makes of these names.

    Attributes
    ----------
    saved
        The names of what is saved, each with what reads it raw and what reads it checked.
    """

    name: Callable[[Any], str]
    follow: Callable[[Any], tuple[tuple[Any, int], ...]]
    number: Callable[[Any], int]
    saved: tuple[tuple[str, Callable[[Any], Any], Callable[[Any], Any]], ...]


class Kept(NamedTuple):
    """A tensor that a node saved.

    Attributes
    ----------
    place
        Its place in a list.
    check
        What reads it as backward would: None where nobody checks, as where the user keeps it on the node by hand.
    is_read_again
        Whether a checkpoint computes with it again.
    """

    name: str
    place: int
    tensor: torch.Tensor
    check: Callable[[Any], object] | None
    is_read_again: bool = False


_kinds: dict[type, Kind] = {}
"""Of PyTorch's own classes; a user's would be kept alive here."""

_python = Kind(
    PythonNode.name,
    PythonNode.next_functions.__get__,
    PythonNode._sequence_nr,
    (("tensors", PythonNode._raw_saved_tensors.__get__, PythonNode.saved_tensors.__get__),),
)


def kind_of(node: object) -> Kind:
    """Tell how a node is read."""
    cls: Any = type(node)
    known = _kinds.get(cls)
    if known is None:
        if issubclass(cls, PythonNode):
            return _python
        saved = tuple((name, kept_by(cls, name), checked_by(cls, name)) for name in saved_names(cls))
        known = _kinds[cls] = Kind(cls.name, cls.next_functions.__get__, cls._sequence_nr, saved)
    return known


def kept_in(node: object, kind: Kind, checkpoints: set[int]) -> Iterator[Kept]:
    """Give the tensors that a node saved and has not let go of; those under hooks are left out.

    Parameters
    ----------
    checkpoints
        The numbers of the checkpoints that are known; what a new one will compute with is given too.
    """
    for name, read, check in kind.saved:
        try:
            found = read(node)
        except RuntimeError:  # let go of by backward
            if kind is _python:
                return
            continue
        for place, saved in enumerate(found if isinstance(found, tuple) else (found,)):
            if saved is None:
                continue
            if has_hook(saved):
                yield from _computed_again(saved, checkpoints)
            elif type(tensor := saved.data) in TORCH_TYPES:
                yield Kept(name, place, tensor, check)
    if kind is _python:
        yield from _kept_by_hand(object.__getattribute__(node, "__dict__"))


def _computed_again(saved: Any, checkpoints: set[int]) -> Iterator[Kept]:  # noqa: ANN401
    number, found = computed_again(saved.unpack_hook)
    if number not in checkpoints:
        checkpoints.add(number)
        for place, (way, tensor, check) in enumerate(found):
            yield Kept(way, place, tensor, check, is_read_again=True)


def _kept_by_hand(attributes: Mapping[str, Any]) -> Iterator[Kept]:
    for place, (name, value) in enumerate(attributes.items()):
        if type(value) in TORCH_TYPES:
            yield Kept(name, -1 - place, value, None)
    if "run_function" in attributes:  # a checkpoint that is itself a node
        for place, (way, tensor, _) in enumerate(read_by(attributes["run_function"])):
            yield Kept(way, place, tensor, None, is_read_again=True)


def is_late(kind: Kind) -> bool:
    """Tell nodes that get their number long before they save: those of a user's function, which runs in between."""
    return kind is _python


def saved_version(node: object, tensor: torch.Tensor, check: Callable[[Any], object] | None) -> int:
    """Tell the version that a tensor was saved with, which only a failing check says where it is not today's."""
    version = tensor._version
    try:
        if check is not None:
            check(node)
    except RuntimeError as error:
        found = _COMPLAINT.search(str(error))
        return int(found["saved"]) if found and int(found["now"]) == version else version
    return version


def is_read(node: object, kind: Kind, argument: str, *, is_complex: bool) -> bool:
    """Tell whether gradients depend on the bytes of what a node saved."""
    op = kind.name(node)
    mode, inputs = mode_of(op, argument), inputs_of(op, argument)
    if is_unread(op, argument, is_complex=is_complex) or (mode and setting_of(node, mode[0]) in mode[1]):
        return False
    below = kind.follow(node) if inputs else ()
    return inputs is None or any(below[place][0] is not None for place in inputs if place < len(below))


def mask_on(node: Any, kind: Kind) -> Mask | None:  # noqa: ANN401
    """Tell how a node compares what it saved, where no gradient takes more from it."""
    op = kind.name(node)
    saved = [name for name, read, _ in kind.saved if read(node) is not None] if op in COMPARING else ()
    return mask_of(op, saved, lambda name: setting_of(node, name)) if saved else None


def nodes_of(roots: Iterable[Root]) -> dict[int, tuple[Any, list[str]]]:
    """Give the nodes that made the roots, with the paths to each; under a mode of the user's, none."""
    found: dict[int, tuple[Any, list[str]]] = {}
    if user_modes():
        return found
    with plain_reads():
        for path, tensor in roots:
            node = tensor.grad_fn
            if node is not None:
                found.setdefault(kind_of(node).number(node), (node, []))[1].append(path)
    return found


def walk_nodes(nodes: Nodes, known: set[int], lowest: int = 0) -> Iterator[tuple[int, Any, Kind, tuple[int, ...]]]:
    """Go through nodes and those below, each once, with the numbers of those straight below.

    What is known is passed by with all that is below it, and so is what was made before the `lowest`.
    """
    waiting = [(number, node) for number, (node, _) in nodes.items()]
    known.add(LEAF_NUMBER)
    while waiting:
        number, node = waiting.pop()
        if number >= lowest and number not in known:
            known.add(number)
            kind = kind_of(node)
            below = [(kind_of(one).number(one), one) for one, _ in kind.follow(node) if one is not None]
            yield number, node, kind, tuple([one for one, _ in below])
            waiting += below
