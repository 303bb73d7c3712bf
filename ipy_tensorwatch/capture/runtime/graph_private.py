"""PyTorch's private names for autograd graphs; tried and replaced as in `torch_private`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
import torch.utils.checkpoint

from ...core.explain.error_messages import ErrorMessage, read_error_message
from ...core.runtime.capability import take
from .torch_private import undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


LEAF_NUMBER = (1 << 64) - 1
"""The sequence number of every `AccumulateGrad` node."""
_KEPT, _READ = "_raw_saved_", "_saved_"


class Nothing:
    """A class without instances, in place of a missing one."""


class _Example:
    """The smallest graph that saves a tensor, to test the private names on."""

    def __init__(self) -> None:
        with undisturbed():
            self.leaf = torch.zeros(1, dtype=torch.float32, device="cpu", requires_grad=True)
            self.result = self.leaf.exp()
        self.node: Any = self.result.grad_fn
        self.names = {"node": self.node}

    def numbers(self, next_number: Callable[[], int], number: Callable[[], int]) -> tuple[bool, Callable[[], int]]:
        """Test sequence numbers: this node has the last one."""
        _require(number() == next_number() - 1)
        return True, next_number

    def saved(self, kind: type, raw: Any, _: object) -> type:  # noqa: ANN401
        """Test what a node saves: this one saved its result."""
        _require(type(raw) is kind, raw.data.data_ptr() == self.result.data_ptr(), not has_hook(raw))
        return kind

    def words(self, _: object) -> None:
        """Test error messages: of a write to a leaf, and of one to a saved tensor."""
        with undisturbed():
            leaf = error_message_of(self.leaf.add_, 1)
            self.result.detach().zero_()
            saved = error_message_of(checked_by(type(self.node), "result"), self.node)
        _require(
            leaf is not None and leaf.trouble == "leaf", saved is not None and (saved.expected, saved.now) == (0, 1)
        )


def _require(*facts: bool) -> None:
    if not all(facts):
        raise ValueError


def has_hook(saved: Any) -> bool:  # noqa: ANN401
    """Return whether a saved tensor was packed by hooks, or will be recomputed."""
    return getattr(saved, "unpack_hook", has_hook) is not None


def error_message_of(check: Callable[[Any], object], node: Any) -> ErrorMessage | None:  # noqa: ANN401
    """Run a version check and return its error message."""
    try:
        check(node)
    except RuntimeError as error:
        return read_error_message(str(error))
    return None


def kept_by(kind: Any, name: str) -> Any:  # noqa: ANN401
    """Return a reader of a saved tensor as stored: without a check, a hook or a recomputation."""
    return vars(kind)[_KEPT + name].__get__


def checked_by(kind: Any, name: str) -> Any:  # noqa: ANN401
    """Return a reader of a saved tensor as backward reads it, which raises if its version moved."""
    return vars(kind)[_READ + name].__get__


def setting_of(node: Any, name: str) -> object:  # noqa: ANN401
    """Return a non-tensor argument of a node's operator; None if it has none of that name."""
    return getattr(node, _READ + name, None)


def leaf_of(node: Any) -> Any:  # noqa: ANN401
    """Return the leaf whose gradient an `AccumulateGrad` node accumulates."""
    return node.variable


_example = _Example()

FOLLOWS_GRAPHS: bool
next_sequence_number: Callable[[], int]
FOLLOWS_GRAPHS, next_sequence_number = take(
    "torch._C._autograd._get_sequence_nr",
    "node._sequence_nr",
    lost="no-graphs",
    make=_example.numbers,
    instead=(False, int),
    roots=_example.names,
)
"""Whether nodes have sequence numbers; the number of this thread's next node, without consuming it."""

SavedTensor: Any = take(
    "torch._C._autograd.SavedTensor",
    "node._raw_saved_result",
    "node._saved_result",
    lost="no-saved-tensors",
    make=_example.saved,
    instead=Nothing,
    roots=_example.names,
)
"""A node's saved tensor; its `unpack` checks the version, and its `data` is the stored tensor."""

unpack_saved: Callable[[Any], object] = take(
    "torch._C._autograd.SavedTensor.unpack", lost="no-detached-named", instead=lambda _: None
)
"""Unpack a saved tensor without its node: this raises if it was detached in place."""

take(
    "node.name",
    lost="gradient-needs-unknown",
    make=lambda name: _require(name() == "ExpBackward0"),
    instead=None,
    roots=_example.names,
)
take(
    "node._saved_result",
    lost="no-autograd-errors",
    make=_example.words,
    instead=None,
    roots=_example.names,
)
del _example

PythonNode: Any = take(
    "torch._C._FunctionBase", lost="", instead=getattr(torch.autograd.function, "BackwardCFunction", Nothing)
)
"""The base of the nodes of custom `autograd.Function`s."""

read_saved_tensors: Callable[[Any], Any] = take(
    "torch.autograd.Function._raw_saved_tensors",
    lost="no-saves-of-functions",
    make=lambda member: member.__get__,
    instead=lambda _: (),
)
"""The saved tensors of a custom function's node, as stored."""


def number_reader(kind: Any) -> Callable[[Any], int]:  # noqa: ANN401
    """Return a reader of the sequence numbers of a node class."""
    return kind._sequence_nr if FOLLOWS_GRAPHS else lambda _: 0


def saved_names(kind: type) -> list[str]:
    """Return the names of what a node of PyTorch may have saved, as in its formula."""
    names = () if SavedTensor is Nothing else vars(kind)
    return [name.removeprefix(_KEPT) for name in names if name.startswith(_KEPT)]


def _checkpoints(kind: Any) -> Any:  # noqa: ANN401
    names = {*kind.__init__.__code__.co_names}
    _require("recompute_fn" in names, not names.isdisjoint({"saved_args", "input_saver"}))
    return kind


CheckpointFrame: Any = take(
    "torch.utils.checkpoint._CheckpointFrame",
    lost="no-checkpoints",
    make=_checkpoints,
    instead=Nothing,
)
"""The state shared by a checkpoint's hooks: the function, and its tensor arguments."""


def checkpoint_arguments(frame: Any) -> Iterator[tuple[torch.Tensor, Callable[[Any], object]]]:  # noqa: ANN401
    """Yield the tensors passed to a checkpoint, each with a reader that reads it as the checkpoint will."""
    kept = getattr(frame, "saved_args", None)
    if kept is not None:
        for one in kept:
            if hasattr(one, "unpack_hook") and not has_hook(one):
                yield one.data, partial(_unpack, one)
        return
    node: Any = getattr(getattr(frame, "input_saver", None), "grad_fn", None)  # before PyTorch 2.13
    for one in getattr(node, "_raw_saved_tensors", ()):
        if not has_hook(one):
            yield one.data, lambda _: node.saved_tensors


def _unpack(saved: Any, _: object) -> object:  # noqa: ANN401
    return unpack_saved(saved)
