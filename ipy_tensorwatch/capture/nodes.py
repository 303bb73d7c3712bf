"""Read one node of an autograd graph without unpacking what it saved; no node outlives the look."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.unread import is_unread, mode_of
from .read import TORCH_TYPES
from .torch_private import PythonNode, checked_by, has_hook, kept_by, saved_names, setting_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

_COMPLAINT = re.compile(r"is at version (?P<now>\d+); expected version (?P<saved>\d+)")


class Kept(NamedTuple):
    """One tensor that a node saved.

    Attributes
    ----------
    place
        The name in the formula, and which one of a list.
    check
        Reads it as backward would; None where nobody checks: the user keeps it on the node.
    """

    place: tuple[str, int]
    tensor: torch.Tensor
    check: Callable[[Any], object] | None

    def saved_version(self, node: object) -> int:
        """Tell the version that it was saved with, which only a failing check says where it is not today's."""
        version = self.tensor._version
        if self.check is None:
            return version
        try:
            self.check(node)
        except RuntimeError as error:
            found = _COMPLAINT.search(str(error))
            return int(found["saved"]) if found and int(found["now"]) == version else version
        return version

    def is_read(self, node: object, op: str) -> bool:
        """Tell whether gradients depend on its bytes."""
        mode = mode_of(op, self.place[0])
        return not (is_unread(op, self.place[0]) or (mode and setting_of(node, mode[0]) in mode[1]))


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


def kept_in(node: object, kind: Kind) -> Iterator[Kept]:
    """Give the tensors that a node saved and has not let go of; those under hooks are left out."""
    for name, read, check in kind.saved:
        try:
            found = read(node)
        except RuntimeError:  # let go of by backward
            continue
        several = isinstance(found, tuple)
        for place, saved in enumerate(found if several else (found,)):
            if saved is not None and not has_hook(saved) and type(tensor := saved.data) in TORCH_TYPES:
                yield Kept((name, place), tensor, check)
    if kind is _python:
        for place, (name, value) in enumerate(object.__getattribute__(node, "__dict__").items()):
            if type(value) in TORCH_TYPES:
                yield Kept((name, -1 - place), value, None)
