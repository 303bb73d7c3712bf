"""Compare what two runs of a trial left in their namespaces."""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...core.memory.address_space import HANDLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PLAIN = (int, float, complex, bool, str, bytes, type(None), torch.Size, torch.dtype, slice, range)
_CONTAINERS = (list, tuple, dict, set)


def value_behind(names: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401
    """Return what a path leads to in a namespace of ours; None if nowhere."""
    try:
        return eval(path, {"__builtins__": {}}, dict(names))  # noqa: S307  (an access path, which we spelled)
    except Exception:  # noqa: BLE001  (it leads nowhere)
        return None


def copy_at(names: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401
    """Return a copy of the tensor or array behind a path; None if there is none. Raises if its memory was freed."""
    found = value_behind(names, path)
    if type(found) is torch.Tensor:
        if not is_there(found):
            raise RuntimeError
        return found.detach().clone()
    return found.copy() if type(found) is np.ndarray else None


def share_memory(a: Any, b: Any) -> bool:  # noqa: ANN401
    """Return whether two tensors or arrays may have a byte in common; no memory is read."""
    one, other = _span(a), _span(b)
    return one is not None and other is not None and one[0] == other[0] and one[1] < other[2] and other[1] < one[2]


def _span(value: Any) -> tuple[str, int, int] | None:  # noqa: ANN401
    """Return where a tensor or an array lies: its device, its first address, and that after its last byte.

    None if it has no bytes. Addresses that are handles begin with their storage's.
    """
    home = "cpu"
    if isinstance(value, torch.Tensor):
        if value.is_nested or value.layout is not torch.strided or not value.numel():
            return None
        kind = value.device.type
        home = f"{kind} {value.untyped_storage().data_ptr()}" if kind in HANDLES else str(value.device)
        start, item = value.data_ptr(), value.element_size()
        steps = [(size - 1) * stride * item for size, stride in zip(value.shape, value.stride(), strict=True)]
    elif isinstance(value, np.ndarray) and value.size:
        start, item = value.ctypes.data, value.itemsize
        steps = [(size - 1) * stride for size, stride in zip(value.shape, value.strides, strict=True)]
    else:
        return None
    return home, start + sum(min(0, one) for one in steps), start + sum(max(0, one) for one in steps) + item


def are_alike(was: Mapping[str, Any], now: Mapping[str, Any], *, but: Sequence[str]) -> bool:
    """Return whether two namespaces have equal values, apart from some paths and what shares their memory now."""
    mine, theirs = ({name: one for name, one in each.items() if not _is_code(name, one)} for each in (was, now))
    if mine.keys() != theirs.keys():
        return False
    mended = [value_behind(now, path) for path in but]
    return all(_are_same(mine[name], theirs[name], mended) for name in mine)


def _is_code(name: str, value: object) -> bool:
    return name.startswith("_") or isinstance(value, FunctionType | ModuleType | type)


def _are_same(a: Any, b: Any, mended: Sequence[Any]) -> bool:  # noqa: ANN401
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor | np.ndarray):
        same_form = isinstance(a, np.ndarray) or a.requires_grad == b.requires_grad
        return any(share_memory(b, one) for one in mended) or (same_form and same_values(a, b))
    if isinstance(a, _CONTAINERS):
        pairs = [*zip(_items(a), _items(b), strict=False)]
        return len(a) == len(b) and all(_are_same(one, other, mended) for one, other in pairs)
    return bool(a == b) if isinstance(a, _PLAIN) else False


def _items(container: Any) -> Iterator[Any]:  # noqa: ANN401
    if isinstance(container, dict):
        yield from container
        yield from container.values()
    else:
        yield from container


def is_there(tensor: Any) -> bool:  # noqa: ANN401
    """Return whether a tensor's storage still holds all of its elements: reading freed memory kills the process."""
    if not isinstance(tensor, torch.Tensor) or tensor.layout is not torch.strided or not tensor.numel():
        return True
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return (tensor.storage_offset() + last + 1) * tensor.element_size() <= tensor.untyped_storage().nbytes()


def same_values(a: Any, b: Any) -> bool:  # noqa: ANN401
    """Return whether two tensors or two arrays have the same form and equal elements, NaN included."""
    if isinstance(a, torch.Tensor):
        is_alike = a.dtype == b.dtype and a.shape == b.shape and is_there(a) and is_there(b)
        return is_alike and bool(torch.equal(torch.nan_to_num(a.detach()), torch.nan_to_num(b.detach())))
    return a.dtype == b.dtype and a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))
