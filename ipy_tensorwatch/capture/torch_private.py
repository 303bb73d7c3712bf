"""The only home of PyTorch's private names, each with the public meaning we take it for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

has_storage = torch._C._has_storage
is_cow = getattr(torch._C, "_is_cow_tensor", lambda _: False)
read_version = torch._C.TensorBase._version.__get__  # type: ignore[attr-defined]
read_grad = torch._C.TensorBase.grad.__get__  # type: ignore[attr-defined]
attributes_of = torch.Tensor.__dict__.get("__dict__", torch._C.TensorBase.__dict__.get("__dict__")).__get__  # type: ignore[union-attr]
sequence_number = torch._C._get_sequence_nr if hasattr(torch._C, "_get_sequence_nr") else None


def plain_reads() -> AbstractContextManager[Any]:
    """Keep tensor subclasses and function modes out of our reads: `torch.set_default_device` is one."""
    return torch._C.DisableTorchFunction()


def is_functorch(tensor: torch.Tensor) -> bool:
    """Tell a functorch wrapper, whose every read raises."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))


def is_fake(tensor: torch.Tensor) -> bool:
    """Tell a FakeTensor; asking a symbolic one for its bytes would add a guard."""
    return type(tensor).__name__ == "FakeTensor"


def storage_address(storage: torch.UntypedStorage) -> int:
    """Return the address of the StorageImpl, which stays while the storage lives, also when its data move."""
    return int(storage._cdata)
