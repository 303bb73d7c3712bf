"""The only home of PyTorch's private names, each with the public meaning we take it for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from ..objects.inspect_object import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from types import CodeType

has_storage = torch._C._has_storage
data_address = (
    vars(torch._C.TensorBase).get("const_data_ptr")
    or getattr(torch._C, "_data_address", None)
    or vars(torch._C.TensorBase)["data_ptr"]
)
"""The address of a tensor's storage, which reading does not copy even where it is copied on write."""
data_of: Callable[[torch.Tensor], int] = getattr(torch._C, "_data_address", None) or (
    lambda tensor: vars(torch._C.TensorBase)["untyped_storage"](tensor).data_ptr()
)
"""The same, asked of the storage alone, so that a wrapper with sizes of its own is not asked for them."""
_is_cow = getattr(torch._C, "_is_cow_tensor", lambda _: False)
_members: Any = vars(torch.Tensor)
_base_members: Any = vars(torch._C.TensorBase)
read_grad = _base_members["grad"].__get__
attributes_of = (_members.get("__dict__") or _base_members["__dict__"]).__get__
"""A tensor's own `__dict__`, whatever its class makes of that name."""


def plain_reads() -> AbstractContextManager[Any]:
    """Keep tensor subclasses and function modes out of our reads: `torch.set_default_device` is one."""
    return torch._C.DisableTorchFunction()


def is_functorch(tensor: torch.Tensor) -> bool:
    """Tell a functorch wrapper, whose every read raises."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))


def is_fake(tensor: torch.Tensor) -> bool:
    """Tell a FakeTensor; asking a symbolic one for its bytes would add a guard."""
    return name_of(type(tensor)) == "FakeTensor"


def is_cow(tensor: torch.Tensor) -> bool:
    """Tell whether a tensor's memory is copied when somebody writes to it."""
    try:
        return bool(_is_cow(tensor))
    except RuntimeError:  # since PyTorch 2.15 of a subclass that wraps other tensors
        return False


def storage_address(storage: torch.UntypedStorage) -> int:
    """Return the address of the StorageImpl, which stays while the storage lives, also when its data move."""
    return storage._cdata


def use_count(storage: torch.UntypedStorage) -> int | None:
    """Count the holders of a storage: its tensors, and the Python object that is asked for here."""
    count = getattr(torch._C, "_storage_Use_Count", None)
    if count is None:
        return None
    held: Any = storage
    held._fix_weakref()  # older PyTorch only lends what a weak reference led to, and does not count it
    return int(count(held._cdata))


def user_modes() -> list[Any]:
    """Return the dispatch modes of this thread, innermost last, PyTorch's own (fake, proxy, functional) left out."""
    stack = [torch._C._get_dispatch_stack_at(place) for place in range(torch._C._len_torch_dispatch_stack())]
    return [mode for mode in stack if getattr(mode, "_mode_key", None) is None]


def push_below(mode: object) -> None:
    """Put a mode under all others, so that whoever leaves one pops his own."""
    _restack([mode, *user_modes()])


def take_out(mode: object) -> None:
    """Take a mode out from wherever it is, and leave the others as they stand."""
    modes = user_modes()
    if any(one is mode for one in modes):
        _restack([one for one in modes if one is not mode])


def spare_subclassing(mode: object) -> Callable[[], object]:
    """Let a mode step aside while a tensor becomes one of a subclass, until what is returned is called.

    Before PyTorch 2.6 `as_subclass` raises under any mode, and with it most operators on tensors of a subclass.
    """
    if torch.__version__ >= "2.6" or "as_subclass" in _members:
        return lambda: None
    cls: Any = torch.Tensor
    plain = cls.as_subclass

    def as_subclass(tensor: torch.Tensor, kind: type[torch.Tensor]) -> torch.Tensor:
        if all(one is not mode for one in user_modes()):
            return plain(tensor, kind)
        take_out(mode)
        try:
            return plain(tensor, kind)
        finally:
            push_below(mode)

    cls.as_subclass = as_subclass
    return lambda: delattr(cls, "as_subclass")


def _restack(modes: list[Any]) -> None:
    for _ in user_modes():
        torch._C._pop_torch_dispatch_stack(None)
    for mode in modes:
        torch._C._push_on_torch_dispatch_stack(mode)


compiler_callback: Callable[[], object] = getattr(torch._C._dynamo.eval_frame, "get_eval_frame_callback", lambda: None)
"""What PyTorch's compiler hands each function to that starts now, in this thread; None where it is not at work.

Before PyTorch 2.6 nobody tells.
"""


def is_compiled(code: CodeType) -> bool:
    """Tell code that PyTorch's compiler has put in the place of a function's."""
    return code.co_name.startswith("torch_dynamo_resume_in") or any(
        name.startswith(("__compiled_fn", "__resume_at")) for name in code.co_names
    )


next_sequence_number: Callable[[], int] = torch._C._autograd._get_sequence_nr
"""The number that this thread's next node of a graph will get; asking does not use it up."""

LEAF_NUMBER = (1 << 64) - 1
"""The number of every node that collects the gradient of a leaf."""

PythonNode: Any = torch._C._FunctionBase
"""The base of the nodes that a user's `autograd.Function` makes."""

SavedTensor: Any = torch._C._autograd.SavedTensor
"""What a node keeps of a tensor; its `unpack` checks the version, and its `data` is the tensor as it was kept."""

_KEPT, _READ = "_raw_saved_", "_saved_"


def saved_names(kind: type) -> list[str]:
    """List what a node of PyTorch's own may have saved, by the names in its formula."""
    return [name.removeprefix(_KEPT) for name in vars(kind) if name.startswith(_KEPT)]


def kept_by(kind: Any, name: str) -> Any:  # noqa: ANN401
    """Return what reads a saved tensor as it is kept: without a check, a hook or a new computation."""
    return vars(kind)[_KEPT + name].__get__


def checked_by(kind: Any, name: str) -> Any:  # noqa: ANN401
    """Return what reads a saved tensor as backward does, and raises where its version has moved."""
    return vars(kind)[_READ + name].__get__


def has_hook(saved: Any) -> bool:  # noqa: ANN401
    """Tell a tensor that hooks packed, or will compute again."""
    return getattr(saved, "unpack_hook", has_hook) is not None


def handed_again(frame: Any) -> Iterator[tuple[torch.Tensor, Callable[[Any], object]]]:  # noqa: ANN401
    """Give the tensors that a checkpoint was handed, each with what reads it as the checkpoint will."""
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
    return saved.unpack()


def setting_of(node: Any, name: str) -> object:  # noqa: ANN401
    """Return an argument of a node's operator that is no tensor; None where it has none of that name."""
    return getattr(node, _READ + name, None)
