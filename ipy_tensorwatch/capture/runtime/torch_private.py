"""PyTorch's private names for tensors, operators and modes; those for graphs are in `graph_private`.

Each name is tried once, at import (`core/runtime/capability.py`): if it is missing or behaves differently, a fallback
replaces it, and `%tensorwatch status` reports what is disabled.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import torch

from ...core.runtime.capability import take
from ...core.runtime.guard import GUARD
from ..objects.inspect_object import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import CodeType

    Tensor = torch.Tensor

base_members: Any = vars(torch.Tensor.__mro__[-2])
"""The attributes of the C++ class below `torch.Tensor`, unaffected by user patches."""
_members: Any = vars(torch.Tensor)

plain_reads: Callable[[], AbstractContextManager[Any]] = take(
    "torch._C.DisableTorchFunction",
    lost="subclass-may-notice",
    instead=nullcontext,
)
"""Disable tensor subclasses and function modes (`torch.set_default_device` is one) during our reads."""
GUARD.around = plain_reads

# --- dispatch modes -------------------------------------------------------------------------------


def _modes(kind: type, count: Callable[[], int], mode_at: Callable[[int], Any], *_: object) -> tuple[Any, Any]:
    def user_modes() -> list[Any]:
        stack = [mode_at(place) for place in range(count())]
        return [mode for mode in stack if getattr(mode, "_mode_key", None) is None]

    user_modes()
    return kind, user_modes


DispatchMode: Any
user_modes: Callable[[], list[Any]]
DispatchMode, user_modes = take(
    "torch.utils._python_dispatch.TorchDispatchMode",
    "torch._C._len_torch_dispatch_stack",
    "torch._C._get_dispatch_stack_at",
    "torch._C._pop_torch_dispatch_stack",
    "torch._C._push_on_torch_dispatch_stack",
    lost="no-operators",
    make=_modes,
    instead=(object, list),
)
"""The base of dispatch modes, and those of this thread, innermost last, without PyTorch's own (fake, functional, …)."""


def _odd_context(count: Callable[[], int], hooks: Callable[[bool], object]) -> Callable[[], bool]:
    def has_odd_context() -> bool:
        return bool(count() or hooks(True))  # noqa: FBT003  (positional only)

    has_odd_context()
    return has_odd_context


has_odd_context: Callable[[], bool] = take(
    "torch._C._len_torch_function_stack",
    "torch._C._autograd._top_saved_tensors_default_hooks",
    lost="no-trials",
    make=_odd_context,
    instead=lambda: True,
)
"""Return whether a function mode or a hook of saved tensors would see what runs in this thread."""


def push_below(mode: object) -> None:
    """Push a mode below all others, so that each user's `__exit__` pops its own mode."""
    _restack([mode, *user_modes()])


def take_out(mode: object) -> None:
    """Remove a mode from anywhere in the stack, keeping the others."""
    modes = user_modes()
    if any(one is mode for one in modes):
        _restack([one for one in modes if one is not mode])


def _restack(modes: list[Any]) -> None:
    if DispatchMode is object:
        return
    for _ in user_modes():
        torch._C._pop_torch_dispatch_stack(None)
    for mode in modes:
        torch._C._push_on_torch_dispatch_stack(mode)


def _own_modes(
    count: Callable[[], int], mode_at: Callable[[int], Any], unset: Callable[[Any], Any], put: Callable[[Any], None]
) -> Any:  # noqa: ANN401
    def lift() -> list[Any]:
        stack = [mode_at(place) for place in range(count())]
        return [unset(mode._mode_key) for mode in stack if getattr(mode, "_mode_key", None) is not None]

    lift()
    return lift, put


_lift_own_modes: Callable[[], list[Any]]
_put_own_mode: Callable[[Any], None]
_lift_own_modes, _put_own_mode = take(
    "torch._C._len_torch_dispatch_stack",
    "torch._C._get_dispatch_stack_at",
    "torch._C._unset_dispatch_mode",
    "torch._C._set_dispatch_mode",
    lost="subclass-may-notice",
    make=_own_modes,
    instead=(list, id),
)
"""Remove PyTorch's own modes (fake, functional, …) of this thread and return them; put one back."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Compute with a graph, regardless of the modes that the user is in."""
    modes, own = user_modes(), _lift_own_modes()
    _restack([])
    try:
        with plain_reads(), torch.inference_mode(mode=False), torch.enable_grad():
            yield
    finally:
        for mode in own:
            _put_own_mode(mode)
        _restack(modes)


def spare_subclassing(mode: object) -> Callable[[], object]:
    """Suspend a mode while a tensor becomes one of a subclass; the returned callable ends this.

    Before PyTorch 2.6 `as_subclass` raises under any mode, and with it most operators on tensors of a subclass.
    """
    if torch.__version__ >= "2.6" or "as_subclass" in _members:
        return lambda: None
    cls: Any = torch.Tensor
    plain = cls.as_subclass

    def as_subclass(tensor: Tensor, kind: type[Tensor]) -> Tensor:
        if all(one is not mode for one in user_modes()):
            return plain(tensor, kind)
        take_out(mode)
        try:
            return plain(tensor, kind)
        finally:
            push_below(mode)

    cls.as_subclass = as_subclass
    return lambda: delattr(cls, "as_subclass")


# --- tensors and storages -------------------------------------------------------------------------

read_grad: Callable[[Tensor], Any] = base_members["grad"].__get__
attributes_of: Callable[[Tensor], Any] = (_members.get("__dict__") or base_members["__dict__"]).__get__
"""A tensor's own `__dict__`, whatever its class does with that name."""

data_of: Callable[[Tensor], int] = take(
    "torch._C._data_address",
    lost="",
    instead=lambda tensor: int(base_members["untyped_storage"](tensor).data_ptr()),
)
"""The address of a tensor's storage, read from the storage alone: a wrapper is not asked for its sizes."""


def address_from(start: Callable[[Tensor], int], *_: object) -> Callable[[Tensor], int]:
    """Return what tells the address of a tensor's first element, from where its storage begins; 0 for no elements."""
    offset, size, numel = (base_members[name] for name in ("storage_offset", "element_size", "numel"))

    def address(tensor: Tensor) -> int:
        return int(start(tensor) + offset(tensor) * size(tensor)) if numel(tensor) else 0

    return address


data_address: Callable[[Tensor], int] = base_members.get("const_data_ptr") or take(  # PyTorch 2.11 has none
    "torch._C._data_address",
    lost="",
    make=address_from,
    instead=base_members["data_ptr"],
)
"""The address of a tensor; reading it does not trigger a copy-on-write."""


def _versions(_: object) -> tuple[bool, Callable[[Tensor], bool], Callable[[Tensor], int], Callable[[Tensor], int]]:
    read, is_inference = base_members["_version"].__get__, base_members["is_inference"]
    with undisturbed():
        written = torch.zeros(1, device="cpu").zero_()
    if read(written) != 1:
        raise ValueError

    def has_version(tensor: Tensor) -> bool:
        if is_inference(tensor):
            return False
        try:
            read(tensor)
        except RuntimeError:  # made in inference mode, and given ordinary memory since
            return False
        return True

    return True, has_version, read, attrgetter("_version")


HAS_VERSIONS: bool
has_version: Callable[[Tensor], bool]
version_of: Callable[[Tensor], int]
quick_version_of: Callable[[Tensor], int]
HAS_VERSIONS, has_version, version_of, quick_version_of = take(
    "torch.Tensor._version",
    lost="no-versions",
    make=_versions,
    instead=(False, lambda _: False, lambda _: 0, lambda _: 0),
)
"""Whether versions can be read; whether a tensor has a version counter, moved by each write; and its value.

The quick one requires tensors of PyTorch's own classes, without patches.
"""

base_of: Callable[[Tensor], Tensor | None] = take(
    "torch.Tensor._base",
    lost="view-may-make-node",
    make=lambda _: base_members["_base"].__get__,
    instead=lambda _: None,
)
is_view: Callable[[Tensor], bool] = take(
    "torch.Tensor._is_view",
    lost="",
    make=lambda _: base_members["_is_view"],
    instead=lambda tensor: base_of(tensor) is not None,
)
is_functorch: Callable[[Tensor], bool] = take(
    "torch._C._functorch.is_functorch_wrapped_tensor",
    lost="no-transform-told",
    instead=lambda _: False,
)
"""Return whether a tensor is a functorch wrapper, whose every read raises."""
sparse_parts: tuple[str, ...] = take(
    "torch.Tensor._indices",
    "torch.Tensor._values",
    lost="no-sparse-parts",
    make=lambda *_: ("_indices", "_values"),
    instead=(),
)
_is_cow: Callable[[Tensor], object] = take(
    "torch._C._is_cow_tensor",
    lost="lazy-clone-copied",
    instead=lambda _: False,
)


def is_cow(tensor: Tensor) -> bool:
    """Return whether a tensor's memory is copied on write."""
    try:
        return bool(_is_cow(tensor))
    except RuntimeError:  # since PyTorch 2.15 of a subclass that wraps other tensors
        return False


def are_cow(tensors: Iterable[Tensor]) -> bool:
    """Return whether the memory of any of PyTorch's own tensors is copied on write."""
    return any(map(_is_cow, tensors))


def is_fake(tensor: Tensor) -> bool:
    """Return whether a tensor is a FakeTensor; asking a symbolic one for its bytes would add a guard."""
    return name_of(type(tensor)) == "FakeTensor"


def _holders(count: Callable[[int], int], *_: object) -> Callable[[Any], int]:
    def use_count(storage: Any) -> int:  # noqa: ANN401
        storage._fix_weakref()  # older PyTorch returns a borrowed reference here, which is not counted
        return int(count(storage._cdata))

    return use_count


use_count: Callable[[torch.UntypedStorage], int | None] = take(
    "torch._C._storage_Use_Count",
    "torch.UntypedStorage._cdata",
    "torch.UntypedStorage._fix_weakref",
    lost="no-holders-counted",
    make=_holders,
    instead=lambda _: None,
)
"""The number of holders of a storage: its tensors, and the Python object passed here."""

# --- operators and the compiler -------------------------------------------------------------------


def _schemas(example: Any) -> Callable[[Any], Any]:  # noqa: ANN401
    if not example.arguments[0].alias_info.is_write:
        raise ValueError
    return lambda function: getattr(function, "_schema", None)


schema_of: Callable[[Any], Any] = take(
    "torch.ops.aten.relu_.default._schema",
    lost="operators-without-tensors",
    make=_schemas,
    instead=lambda _: None,
)
"""The schema of an operator; None if it has none."""

compiler_callback: Callable[[], object] = take(
    "torch._C._dynamo.eval_frame.get_eval_frame_callback",  # since PyTorch 2.6
    lost="compiler-may-notice",
    instead=lambda: None,
)
"""The callback that receives each function starting in this thread; None if no compiler is active."""


def _skips(set_strategy: Any, strategy: Any, action: Any) -> Callable[[CodeType], bool]:  # noqa: ANN401
    def skip(code: CodeType) -> bool:
        set_strategy(code, strategy(action.SKIP, action.SKIP))
        return True

    return skip


never_compile: Callable[[CodeType], bool] = take(
    "torch._C._dynamo.eval_frame.set_code_exec_strategy",  # since PyTorch 2.7
    "torch._C._dynamo.eval_frame._FrameExecStrategy",
    "torch._C._dynamo.eval_frame._FrameAction",
    lost="",
    make=_skips,
    instead=lambda _: False,
)
"""Keep the compiler away from a function and from what it calls; return whether that is possible.

PyTorch's own way for a dispatch mode imports the whole compiler at the first operator, which takes seconds.
"""


def is_compiled(code: CodeType) -> bool:
    """Return whether PyTorch's compiler generated this code."""
    return code.co_name.startswith("torch_dynamo_resume_in") or any(
        name.startswith(("__compiled_fn", "__resume_at")) for name in code.co_names
    )
