"""Read one tensor or array: never raises, never warns, never runs the user's code, never touches the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..core.gone import FREED
from ..core.reading import TOO_MANY, Reading, extent
from .torch_private import data_address, has_storage, is_cow, is_fake, is_functorch

if TYPE_CHECKING:
    from .identity import StorageSerials

DTYPES = {value: str(value) for value in vars(torch).values() if isinstance(value, torch.dtype)}
TORCH_TYPES = frozenset({torch.Tensor, torch.nn.Parameter})
"""PyTorch's own types of tensors; of any other, what is asked may run code of somebody else's."""


def read(thing: Any, role: str, serial: int, storages: StorageSerials, *, asks_history: bool = True) -> Reading:  # noqa: ANN401
    """Read one tensor or array, and what computed it, where that is asked for; call it inside `plain_reads()`."""
    try:
        if isinstance(thing, np.ndarray):
            return _read_array(thing, serial, storages)
        return _read_tensor(thing, role, serial, storages, asks_history=asks_history)
    except Exception as error:  # noqa: BLE001  (an odd object must be listed, never break the cell)
        return _unreadable(thing, serial, f"{type(error).__name__} while reading")


def read_saved(tensor: torch.Tensor, storages: StorageSerials) -> Reading:
    """Read where one of PyTorch's own tensors lies, which a graph saved; of a sparse one it raises."""
    shape, itemsize = tuple(tensor.shape), tensor.element_size()
    strides = tuple([stride * itemsize for stride in tensor.stride()])
    low = int(tensor.storage_offset()) * itemsize
    reach = tensor.numel() * itemsize if tensor.is_contiguous() else extent(shape, strides, itemsize)[1]
    storage = tensor.untyped_storage()
    is_told = not is_cow(tensor) and low + reach <= storage.nbytes()
    return Reading(
        kind="saved",
        object=0,
        storage=storages.of_torch(storage),
        device="cpu" if tensor.is_cpu else str(tensor.device),
        dtype=DTYPES.get(tensor.dtype) or str(tensor.dtype),
        itemsize=itemsize,
        shape=shape,
        strides=strides,
        data_ptr=tensor.data_ptr() if is_told else 0,
        low=low,
        high=low + reach,
        unknown=None if is_told else FREED,
    )


def refresh(last: Reading, tensor: Any) -> Reading | None:  # noqa: ANN401
    """Read only a tensor's version, where that is all that can differ; None where all is to be read again.

    Parameters
    ----------
    last
        The last reading of this very object.
    tensor
        The object; it lies in the same storage if it lies at the same address.
    """
    if last.unknown or type(tensor) not in TORCH_TYPES or tensor.requires_grad != last.requires_grad:
        return None
    if last.requires_grad and type(tensor) is torch.Tensor:  # its history may be another one
        return None
    if last.version is None or data_address(tensor) != last.data_ptr or not is_laid_out_as(tensor, last):
        return None
    version = tensor._version
    return last if version == last.version else last._replace(version=version)


def is_laid_out_as(tensor: torch.Tensor, last: Reading) -> bool:
    """Tell whether a tensor has the type, the shape and the strides that it had."""
    if tensor.shape != last.shape or DTYPES.get(tensor.dtype) != last.dtype:
        return False
    return tuple([stride * last.itemsize for stride in tensor.stride()]) == last.strides


def may_be_stale(tensor: torch.Tensor) -> bool:
    """Tell a view of written memory: asked whether it is a leaf, it would make itself a new node, or raise."""
    return tensor._is_view() and not tensor.is_inference() and tensor._version > 0


def bearer_of(tensor: torch.Tensor) -> torch.Tensor:
    """Give the tensor to ask for a tensor's history: of a view of written memory its base, out of whose it is made."""
    base = tensor._base if may_be_stale(tensor) else None
    return tensor if base is None else base


def owner_of(thing: Any) -> Any:  # noqa: ANN401
    """Follow `.base` to the array, or the tensor, that keeps an array's memory; a tensor keeps its own."""
    if not isinstance(thing, np.ndarray):
        return thing
    while isinstance(thing.base, np.ndarray):
        thing = thing.base
    return thing.base if isinstance(thing.base, torch.Tensor) else thing


def address_of(array: np.ndarray[Any, Any]) -> int:
    """Return the address of an array's first element."""
    return int(array.__array_interface__["data"][0])


def _read_tensor(
    tensor: torch.Tensor, role: str, serial: int, storages: StorageSerials, *, asks_history: bool
) -> Reading:
    kind = role or ("parameter" if isinstance(tensor, torch.nn.Parameter) else "tensor")
    if is_functorch(tensor):
        return _unreadable(tensor, serial, "a functorch wrapper")
    if is_fake(tensor):
        return _unreadable(tensor, serial, "a fake tensor")
    blank = Reading(
        kind=kind,
        object=serial,
        device=str(tensor.device),
        dtype=DTYPES.get(tensor.dtype) or str(tensor.dtype),
        version=None if tensor.is_inference() else tensor._version,
        requires_grad=tensor.requires_grad,
    )
    blank = _with_history(tensor, blank, asks=asks_history)
    return _with_memory(tensor, blank, storages)


def _with_history(tensor: torch.Tensor, blank: Reading, *, asks: bool) -> Reading:
    if not tensor.requires_grad:
        return blank
    if may_be_stale(tensor):
        return blank._replace(is_leaf=False, grad_fn="not read")
    if not asks and not tensor.is_leaf:
        return blank._replace(is_leaf=False, grad_fn=TOO_MANY)
    try:
        node = tensor.grad_fn
        return blank._replace(is_leaf=tensor.is_leaf, grad_fn=node.name() if node is not None else None)
    except RuntimeError:
        return blank._replace(is_leaf=False, grad_fn="not read")


def _with_memory(tensor: torch.Tensor, blank: Reading, storages: StorageSerials) -> Reading:
    why = _unknown_memory(tensor)
    if why in ("an uninitialized parameter", "a nested tensor", "a jagged tensor"):
        return blank._replace(unknown=why)
    shape = tuple(tensor.shape)
    if why:
        return blank._replace(shape=shape, unknown=why)
    storage = tensor.untyped_storage()
    itemsize = tensor.element_size()
    strides = tuple(stride * itemsize for stride in tensor.stride())
    low = int(tensor.storage_offset()) * itemsize
    high = low + extent(shape, strides, itemsize)[1]
    seen = blank._replace(storage=storages.of_torch(storage), itemsize=itemsize, shape=shape, strides=strides)
    if is_cow(tensor):
        return seen._replace(low=low, high=high, unknown="a copy-on-write tensor")
    if high > int(storage.nbytes()):
        return seen._replace(low=low, high=high, unknown=FREED)
    return seen._replace(data_ptr=tensor.data_ptr(), low=low, high=high)


def _unknown_memory(tensor: torch.Tensor) -> str | None:  # noqa: PLR0911  (one line a reason)
    if torch.nn.parameter.is_lazy(tensor):
        return "an uninitialized parameter"
    if tensor.is_nested and tensor.layout is torch.strided:
        return "a nested tensor"
    if tensor.is_nested:
        return "a jagged tensor"
    if tensor.layout is not torch.strided:
        return f"a {str(tensor.layout).removeprefix('torch.').replace('_', ' ')} tensor"
    if tensor.device.type == "meta":
        return "a meta tensor"
    if tensor.is_quantized:
        return None
    if not has_storage(tensor):
        return "no storage"
    if type(tensor) not in TORCH_TYPES and _is_wrapper(tensor):
        return f"a {type(tensor).__name__}"
    return None


def _is_wrapper(tensor: torch.Tensor) -> bool:
    try:
        return tensor.untyped_storage().data_ptr() == 0 and tensor.numel() > 0
    except RuntimeError:
        return True


def _read_array(array: np.ndarray[Any, Any], serial: int, storages: StorageSerials) -> Reading:
    owner = owner_of(array)
    address = address_of(array)
    if isinstance(owner, torch.Tensor):
        storage = storages.of_torch(owner.untyped_storage())
        start = owner.untyped_storage().data_ptr()
    else:
        storage = storages.of_array(owner)
        start = address_of(owner) + extent(owner.shape, owner.strides, owner.itemsize)[0]
    lowest, highest = extent(array.shape, array.strides, array.itemsize)
    return Reading(
        kind="ndarray",
        object=serial,
        storage=storage,
        device="cpu",
        dtype=str(array.dtype),
        itemsize=array.itemsize,
        shape=array.shape,
        strides=array.strides,
        data_ptr=address,
        low=address - start + lowest,
        high=address - start + highest,
    )


def _unreadable(thing: Any, serial: int, why: str) -> Reading:  # noqa: ANN401
    return Reading(kind="ndarray" if isinstance(thing, np.ndarray) else "tensor", object=serial, unknown=why)
