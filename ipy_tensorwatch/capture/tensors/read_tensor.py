"""Read one tensor or array: never raises, never warns, never runs user code, never touches the data."""

from __future__ import annotations

import operator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from ...core.records.reading import TOO_MANY, Reading, extent, moved_to
from ...core.records.reason import FREED, Reason
from ...core.runtime.guard import GUARD
from ..objects.inspect_object import is_a, name_of
from ..runtime.torch_private import are_cow, data_address, is_cow, is_fake, is_functorch
from . import plain_reads
from .node_readers import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .serials import StorageSerials

_STAND_IN: Any = type(np.lib.stride_tricks.as_strided(np.zeros(1)).base)
"""The class that NumPy puts between an array and its `as_strided` view."""
LAYOUTS = 1024
"""The number of layouts of saved tensors that are remembered."""
DTYPES = {value: str(value) for value in vars(torch).values() if isinstance(value, torch.dtype)}
address_of = plain_reads.address_of


def read(thing: Any, role: str, serial: int, storages: StorageSerials, *, asks_history: bool = True) -> Reading:  # noqa: ANN401
    """Read one tensor or array, and its `grad_fn` if asked; call it inside `plain_reads()`."""
    try:
        if plain_reads.is_ndarray(thing):
            return _read_array(thing, serial, storages)
        return _read_tensor(thing, role, serial, storages, asks_history=asks_history)
    except Exception as error:  # noqa: BLE001  (an odd object is listed, and must not break the cell)
        note = GUARD.note if plain_reads.is_ndarray(thing) else GUARD.note_unless_odd
        note("looking-at-variable", error)
        return unreadable(thing, serial, Reason("error-while-reading", name_of(type(error))))


def read_saved(tensor: torch.Tensor, storages: StorageSerials) -> Reading:
    """Read the layout of a saved tensor of PyTorch's own types.

    Raises
    ------
    RuntimeError
        If it is sparse.
    """
    reads = plain_reads
    layout = _layout_of(
        reads.shape_of(tensor), reads.stride_of(tensor), reads.dtype_of(tensor), reads.device_of(tensor)
    )
    low = int(reads.offset_of(tensor)) * layout.itemsize
    storage = reads.storage_of(tensor)
    is_told = not is_cow(tensor) and (not layout.reach or low + layout.reach <= storage.nbytes())
    return Reading(
        kind="saved",
        object=0,
        storage=storages.of_torch(storage),
        device=layout.device,
        dtype=layout.dtype,
        itemsize=layout.itemsize,
        shape=layout.shape,
        strides=layout.strides,
        data_ptr=plain_reads.pointer_of(tensor) if is_told else 0,
        low=low,
        high=low + layout.reach,
        unknown=None if is_told else FREED,
    )


class _Layout(NamedTuple):
    """How the elements of tensors lie in memory, in bytes; `reach` is what they span."""

    device: str
    dtype: str
    itemsize: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    reach: int


@lru_cache(LAYOUTS)
def _layout_of(shape: Iterable[int], steps: Iterable[int], dtype: torch.dtype, device: torch.device) -> _Layout:
    """Return a layout in bytes, computed once for all tensors that have it."""
    sizes, strides = tuple(shape), tuple([step * dtype.itemsize for step in steps])
    reach = extent(sizes, strides, dtype.itemsize)[1]
    return _Layout(str(device), DTYPES.get(dtype) or str(dtype), dtype.itemsize, sizes, strides, reach)


def _laid_out(tensor: torch.Tensor) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    itemsize = plain_reads.itemsize_of(tensor)
    return (
        tuple(plain_reads.shape_of(tensor)),
        tuple([stride * itemsize for stride in plain_reads.stride_of(tensor)]),
        itemsize,
    )


def _dtype_of(tensor: torch.Tensor) -> str:
    dtype = plain_reads.dtype_of(tensor)
    return DTYPES.get(dtype) or str(dtype)


def refresh(last: Reading, tensor: Any, role: str) -> Reading | None:  # noqa: ANN401
    """Read only a tensor's version, if nothing else can differ; None if it must be read again.

    Parameters
    ----------
    last
        The last reading of this same object.
    tensor
        The object; the same address implies the same storage.
    role
        The role under its path now.
    """
    if last.kind != _kind_of(tensor, role):
        return None
    if last.unknown or not plain_reads.is_plain(tensor) or plain_reads.requires_grad(tensor) != last.requires_grad:
        return None
    if last.requires_grad and type(tensor) is torch.Tensor:  # its history may be another one
        return None
    if last.version is None or data_address(tensor) != last.data_ptr or not is_laid_out_as(tensor, last):
        return None
    version = plain_reads.version_of(tensor)
    return last if version == last.version else last.at_version(version)


def read_like(last: Reading, tensor: Any, role: str, serial: int, storages: StorageSerials) -> Reading | None:  # noqa: ANN401
    """Read a tensor without history that replaces one of the same layout; None if more must be read.

    The tensor has one of PyTorch's own types, with a readable version and address.
    """
    found = read_all_like([last], [tensor], [role], [serial], storages)
    return found[0] if found else None


def read_all_like(
    last: Sequence[Reading],
    tensors: Sequence[Any],
    roles: Sequence[str],
    serials: Sequence[int],
    storages: StorageSerials,
) -> list[Reading] | None:
    """Read tensors without history that replace others of the same layouts; None if more must be read of one."""
    if not all(map(_is_plainly_told, last)) or [one.kind for one in last] != [*map(_kind_of, tensors, roles)]:
        return None
    if any(map(plain_reads.requires_grad, tensors)) or not all(map(plain_reads.is_on_cpu, tensors)):
        return None
    offsets = [*map(operator.mul, map(plain_reads.offset_of, tensors), [one.itemsize for one in last])]
    if are_cow(tensors) or not are_laid_out_as(tensors, last) or offsets != [one.low for one in last]:
        return None
    held = [*map(plain_reads.storage_of, tensors)]
    if any(map(operator.gt, [one.high for one in last], map(_size_of, held))):
        return None
    places = zip(map(data_address, tensors), map(plain_reads.version_of, tensors), strict=True)
    return [*moved_to(last, serials, storages.of_each(held), places)]


def _is_plainly_told(one: Reading) -> bool:
    return one.device == "cpu" and bool(one.storage) and not (one.requires_grad or one.unknown)


def _kind_of(tensor: torch.Tensor, role: str) -> str:
    return role or ("parameter" if type(tensor) is torch.nn.Parameter else "tensor")


_size_of = torch.UntypedStorage.nbytes


def is_laid_out_as(tensor: torch.Tensor, last: Reading) -> bool:
    """Return whether a tensor has the type, shape and strides of a reading."""
    if not plain_reads.is_plain(tensor):
        tensor = plain_reads.local_of(tensor)
        if plain_reads.is_wrapper(tensor):
            return True
    if plain_reads.shape_of(tensor) != last.shape or DTYPES.get(plain_reads.dtype_of(tensor)) != last.dtype:
        return False
    return _in_bytes(plain_reads.stride_of(tensor), last.itemsize) == last.strides


def are_laid_out_as(tensors: Sequence[torch.Tensor], last: Sequence[Reading]) -> bool:
    """Return whether each of PyTorch's own tensors has the type, shape and strides of its reading."""
    if [*map(plain_reads.shape_of, tensors)] != [one.shape for one in last]:
        return False
    if [*map(DTYPES.get, map(plain_reads.dtype_of, tensors))] != [one.dtype for one in last]:
        return False
    return [*map(_in_bytes, map(plain_reads.stride_of, tensors), [one.itemsize for one in last])] == [
        one.strides for one in last
    ]


@lru_cache(maxsize=1 << 12)
def _in_bytes(strides: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    return tuple([stride * itemsize for stride in strides])


def may_be_stale(tensor: torch.Tensor) -> bool:
    """Return whether a tensor is a view of written memory: reading `is_leaf` would make a new node, or raise."""
    return plain_reads.is_view(tensor) and plain_reads.has_version(tensor) and plain_reads.version_of(tensor) > 0


def bearer_of(tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor that holds the history: for a view of written memory its base, else the tensor itself."""
    base = plain_reads.base_of(tensor) if may_be_stale(tensor) else None
    return tensor if base is None else base


def owner_of(thing: Any) -> Any:  # noqa: ANN401
    """Return the array or tensor that owns an array's memory, found through `.base`; a tensor owns its own."""
    if not plain_reads.is_ndarray(thing):
        return thing
    while plain_reads.is_ndarray(base := _base_of(thing)):
        thing = base
    return base if plain_reads.is_tensor(base) else thing


def _base_of(array: Any) -> Any:  # noqa: ANN401
    base: Any = plain_reads.array_base(array)
    return base.base if type(base) is _STAND_IN else base


def _read_tensor(
    tensor: torch.Tensor, role: str, serial: int, storages: StorageSerials, *, asks_history: bool
) -> Reading:
    kind = role or ("parameter" if plain_reads.is_parameter(tensor) else "tensor")
    if is_functorch(tensor):
        return unreadable(tensor, serial, Reason("functorch"))
    if is_fake(tensor):
        return unreadable(tensor, serial, Reason("fake"))
    is_wrapper = plain_reads.is_wrapper(tensor)
    blank = Reading(
        kind=kind,
        object=serial,
        device="unknown" if is_wrapper else str(plain_reads.device_of(tensor)),
        dtype=_dtype_of(tensor),
        version=plain_reads.version_of(tensor) if plain_reads.has_version(tensor) else None,
        requires_grad=plain_reads.requires_grad(tensor),
    )
    blank = _with_history(tensor, blank, asks=asks_history)
    local = plain_reads.local_of(tensor)
    if local is not tensor:
        return _with_memory(local, _as_local(blank, local), storages)
    if is_wrapper:
        return blank._replace(unknown=Reason("class", name_of(type(tensor))))
    return _with_memory(tensor, blank, storages)


def _as_local(blank: Reading, local: torch.Tensor) -> Reading:
    """Return the reading of a `DTensor` over its local tensor; a write moves the version of one of the two."""
    versions = [blank.version, plain_reads.version_of(local) if plain_reads.has_version(local) else None]
    return blank._replace(
        device=str(plain_reads.device_of(local)),
        dtype=_dtype_of(local),
        version=None if None in versions else sum(filter(None, versions)),
    )


def _with_history(tensor: torch.Tensor, blank: Reading, *, asks: bool) -> Reading:
    if not blank.requires_grad:
        return blank
    if may_be_stale(tensor):
        return blank._replace(is_leaf=False, grad_fn="not read")
    if not asks and not plain_reads.is_leaf(tensor):
        return blank._replace(is_leaf=False, grad_fn=TOO_MANY)
    try:
        node = plain_reads.node_of(tensor)
        name = kind_of(node).name(node) if node is not None else None
        return blank._replace(is_leaf=plain_reads.is_leaf(tensor), grad_fn=name)
    except RuntimeError:
        return blank._replace(is_leaf=False, grad_fn="not read")


def _with_memory(tensor: torch.Tensor, blank: Reading, storages: StorageSerials) -> Reading:
    why = _unknown_memory(tensor)
    if why and why.code in ("uninitialized", "nested", "jagged"):
        return blank._replace(unknown=why)
    if why:
        return blank._replace(shape=tuple(plain_reads.shape_of(tensor)), unknown=why)
    storage = plain_reads.storage_of(tensor)
    shape, strides, itemsize = _laid_out(tensor)
    low = int(plain_reads.offset_of(tensor)) * itemsize
    high = low + extent(shape, strides, itemsize)[1]
    seen = blank._replace(storage=storages.of_torch(storage), itemsize=itemsize, shape=shape, strides=strides)
    if is_cow(tensor):
        return seen._replace(low=low, high=high, unknown=Reason("copy-on-write"))
    if low < high and high > int(storage.nbytes()):
        return seen._replace(low=low, high=high, unknown=FREED)
    return seen._replace(data_ptr=plain_reads.pointer_of(tensor), low=low, high=high)


def _unknown_memory(tensor: torch.Tensor) -> Reason | None:
    if is_a(type(tensor), torch.nn.UninitializedParameter, torch.nn.UninitializedBuffer):
        return Reason("uninitialized")
    layout = plain_reads.layout_of(tensor)
    if plain_reads.is_nested(tensor):
        return Reason("nested" if layout is torch.strided else "jagged")
    if layout is not torch.strided:
        return Reason("layout", str(layout).removeprefix("torch."))
    if plain_reads.device_of(tensor).type == "meta":
        return Reason("meta")
    if plain_reads.is_quantized(tensor):
        return None
    if not plain_reads.has_storage(tensor):
        return Reason("no-storage")
    if not plain_reads.is_plain(tensor) and plain_reads.count_of(tensor) and not plain_reads.holds_memory(tensor):
        return Reason("class", name_of(type(tensor)))
    return None


def _read_array(array: np.ndarray[Any, Any], serial: int, storages: StorageSerials) -> Reading:
    owner = owner_of(array)
    address = plain_reads.address_of(array)
    if plain_reads.is_tensor(owner):
        memory = plain_reads.storage_of(owner)
        storage, start = storages.of_torch(memory), memory.data_ptr()
    else:
        storage = storages.of_array(owner)
        start = plain_reads.address_of(owner) + array_extent(owner)[0]
    lowest, highest = array_extent(array)
    return Reading(
        kind="ndarray",
        object=serial,
        storage=storage,
        device="cpu",
        dtype=str(plain_reads.array_dtype(array)),
        itemsize=plain_reads.array_itemsize(array),
        shape=plain_reads.array_shape(array),
        strides=plain_reads.array_strides(array),
        data_ptr=address,
        low=address - start + lowest,
        high=address - start + highest,
    )


def array_extent(array: np.ndarray[Any, Any]) -> tuple[int, int]:
    """Return the bytes `[low, high)` that an array's elements span, counted from the first one."""
    return extent(plain_reads.array_shape(array), plain_reads.array_strides(array), plain_reads.array_itemsize(array))


def unreadable(thing: object, serial: int, why: Reason) -> Reading:
    """Stand for what cannot be read."""
    return Reading(kind="ndarray" if plain_reads.is_ndarray(thing) else "tensor", object=serial, unknown=why)
