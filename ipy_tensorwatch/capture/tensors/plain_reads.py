"""Read a tensor or an array through its base class, bypassing subclasses, patches and dispatch.

Tensors are read inside `plain_reads()`.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..objects.inspect_object import PerClass, is_a, member_of, module_of, mro_of, name_of, value_at
from ..runtime import torch_private
from ..runtime.torch_private import attributes_of, base_members, data_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ...core.memory.footprint import Array
    from ..runtime.torch_private import Tensor


_array: Any = vars(np.ndarray)

is_view = torch_private.is_view
base_of = torch_private.base_of
has_version = torch_private.has_version
version_of = torch_private.version_of
stride_of: Callable[[Tensor], tuple[int, ...]] = base_members["stride"]
offset_of: Callable[[Tensor], int] = base_members["storage_offset"]
count_of: Callable[[Tensor], int] = base_members["numel"]
itemsize_of: Callable[[Tensor], int] = base_members["element_size"]
is_contiguous: Callable[[Tensor], bool] = base_members["is_contiguous"]
storage_of: Callable[[Tensor], torch.UntypedStorage] = base_members["untyped_storage"]
pointer_of: Callable[[Tensor], int] = base_members["data_ptr"]
detach: Callable[[Tensor], Tensor] = base_members["detach"]
requires_grad: Callable[[Tensor], bool] = base_members["requires_grad"].__get__
retains_grad: Callable[[Tensor], bool] = base_members["retains_grad"].__get__
is_leaf: Callable[[Tensor], bool] = base_members["is_leaf"].__get__
node_of: Callable[[Tensor], Any] = base_members["grad_fn"].__get__
shape_of: Callable[[Tensor], torch.Size] = base_members["shape"].__get__
device_of: Callable[[Tensor], torch.device] = base_members["device"].__get__
is_on_cpu: Callable[[Tensor], bool] = base_members["is_cpu"].__get__
dtype_of: Callable[[Tensor], torch.dtype] = base_members["dtype"].__get__
layout_of: Callable[[Tensor], torch.layout] = base_members["layout"].__get__
is_nested: Callable[[Tensor], bool] = base_members["is_nested"].__get__
is_quantized: Callable[[Tensor], bool] = base_members["is_quantized"].__get__
set_data: Callable[[Tensor, Tensor], None] = base_members["data"].__set__
method_of: Callable[[str], Callable[[Tensor], Any]] = base_members.__getitem__
"""Return the base class's method of a name."""

array_shape: Callable[[Array], tuple[int, ...]] = _array["shape"].__get__
array_strides: Callable[[Array], tuple[int, ...]] = _array["strides"].__get__
array_dtype: Callable[[Array], np.dtype[Any]] = _array["dtype"].__get__
array_itemsize: Callable[[Array], int] = _array["itemsize"].__get__
array_base: Callable[[Array], Any] = _array["base"].__get__
array_flags: Callable[[Array], Any] = _array["flags"].__get__
_interface: Callable[[Array], dict[str, Any]] = _array["__array_interface__"].__get__

_WRITTEN_OUT = ("_version", "requires_grad", "grad", "data_ptr", "__getattribute__", "__getattr__", "__class__")
"""The attributes that the fast column reads use by name."""


_PLAIN = frozenset(map(id, (torch.Tensor, torch.nn.Parameter)))
"""The ids of PyTorch's two types: reading any other may run foreign code, and so may the hash of a type."""


def address_of(array: Array) -> int:
    """Return the address of an array's first element."""
    return int(_interface(array)["data"][0])


def addresses_of(arrays: Iterable[Array]) -> list[int]:
    """Return the address of each array's first element."""
    return [one["data"][0] for one in map(_interface, arrays)]


def is_tensor(thing: object) -> bool:
    """Return whether an object is a tensor of any class."""
    return is_plain(thing) or is_a(type(thing), torch.Tensor)


def is_ndarray(thing: object) -> bool:
    """Return whether an object is an array of any class."""
    return not is_plain(thing) and is_a(type(thing), np.ndarray)


def is_plain(thing: object) -> bool:
    """Return whether a tensor has exactly one of PyTorch's two types."""
    return id(type(thing)) in _PLAIN


def are_plain(things: Iterable[object]) -> bool:
    """Return whether all of these have exactly one of PyTorch's two types."""
    return _PLAIN.issuperset(map(id, map(type, things)))


def is_parameter(tensor: Tensor) -> bool:
    """Return whether a tensor is a parameter, tensor subclasses made parameters included."""
    if is_a(type(tensor), torch.nn.Parameter):
        return True
    return not is_plain(tensor) and value_at(attributes_of(tensor), "_is_param") is True


def is_unpatched() -> bool:
    """Return whether the names we read still resolve to the base class."""
    (tensor, its_own), (parameter, own) = _OWN
    return not (vars(tensor).keys() & _USED - its_own or vars(parameter).keys() & _USED - own)


_USED = frozenset(_WRITTEN_OUT)
_OWN = tuple((kind, frozenset(vars(kind).keys() & _USED)) for kind in (torch.Tensor, torch.nn.Parameter))


def _answers_itself(kind: type) -> bool:
    """Return whether a class has its own dispatch, which may answer for sizes, strides, device and layout."""
    return any(member_of(base, "__torch_dispatch__") is not None and not _is_torchs(base) for base in mro_of(kind))


def _is_torchs(kind: type) -> bool:
    return (module_of(kind) or "").partition(".")[0] == "torch"


answers_itself = PerClass(_answers_itself)


def _find_local_reader(kind: type) -> Callable[[Any], Any] | None:
    """Return the reader of the local tensor of PyTorch's `DTensor`; it is not imported, which takes long."""
    kinds = (one for one in mro_of(kind) if name_of(one) == "DTensor" and _is_torchs(one))
    slot = next((member_of(one, "_local_tensor") for one in kinds), None)
    return slot.__get__ if type(slot) is types.MemberDescriptorType else None


_local_reader = PerClass(_find_local_reader)


def local_of(tensor: Any) -> Any:  # noqa: ANN401
    """Return the tensor of this process that a `DTensor` is made of; anything else as it is."""
    if is_plain(tensor):
        return tensor
    read = _local_reader(type(tensor))
    try:
        local = read(tensor) if read else None
    except AttributeError:  # not set yet
        return tensor
    return local if is_plain(local) else tensor


def is_wrapper(tensor: Tensor) -> bool:
    """Return whether a tensor has no memory and its own dispatch would answer for its shape."""
    return not is_plain(tensor) and answers_itself(type(tensor)) and not holds_memory(tensor)


def has_storage(tensor: Tensor) -> bool:
    """Return whether a tensor has a storage; a sparse one has none."""
    try:
        storage_of(tensor)
    except RuntimeError:
        return False
    return True


def holds_memory(tensor: Tensor) -> bool:
    """Return whether a tensor has elements in memory; reads only its storage, which dispatch cannot intercept."""
    try:
        return data_of(tensor) != 0
    except RuntimeError:
        return False
