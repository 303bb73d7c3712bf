"""Readers of node classes: PyTorch's by the saved tensors of their formula, custom functions as plain attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ...core.hazards.overwritten.mask_only_backward import COMPARING
from ...core.hazards.overwritten.unused_by_backward import WHOLE, Use, use_of
from ..runtime.graph_private import PythonNode, checked_by, kept_by, number_reader, read_saved_tensors, saved_names

if TYPE_CHECKING:
    from collections.abc import Callable


class Slot(NamedTuple):
    """One attribute that nodes of a class may have saved.

    Attributes
    ----------
    read, check
        The readers: raw, and as backward reads it.
    use
        What gradients read of it.
    """

    name: str
    read: Callable[[Any], Any]
    check: Callable[[Any], Any]
    use: Use


class NodeKind(NamedTuple):
    """How to read nodes of one class, whatever a user's class does with these names."""

    name: Callable[[Any], str]
    follow: Callable[[Any], tuple[tuple[Any, int], ...]]
    number: Callable[[Any], int]
    saved: tuple[Slot, ...]
    compares: bool = False


NODE_KINDS: dict[type, NodeKind] = {}
"""Only PyTorch's own classes; a user's class would be kept alive here."""

_python = NodeKind(
    PythonNode.name,
    PythonNode.next_functions.__get__,
    number_reader(PythonNode),
    (Slot("tensors", read_saved_tensors, PythonNode.saved_tensors.__get__, WHOLE),),
)


def is_python(kind: NodeKind) -> bool:
    """Return whether nodes belong to a custom function, whose number is assigned long before they save."""
    return kind is _python


def kind_of(node: object) -> NodeKind:
    """Return how to read a node."""
    cls: Any = type(node)
    known = NODE_KINDS.get(cls)
    if known is None:
        if issubclass(cls, PythonNode):
            return _python
        op = cls.name(node)
        names = saved_names(cls)
        saved = tuple(Slot(name, kept_by(cls, name), checked_by(cls, name), use_of(op, name)) for name in names)
        known = NODE_KINDS[cls] = NodeKind(
            cls.name, cls.next_functions.__get__, number_reader(cls), saved, op in COMPARING
        )
    return known
