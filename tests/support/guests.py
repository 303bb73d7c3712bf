"""Memory of a device that another library owns: arrays that PyTorch is a guest of, by DLPack or by CUDA's interface."""

from __future__ import annotations

import ctypes
from typing import Any

import torch

from tests.support.accelerator import DEVICE

NUMBERS = {"cpu": 1, "cuda": 2, "sim": 12}
"""The numbers of devices in DLPack."""
FLOAT = 2
_NAME = b"dltensor"


class _Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class _Managed(ctypes.Structure):
    pass


_Deleter = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Managed))
_Managed._fields_ = [("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", _Deleter)]

_lent: dict[int, tuple[Any, ...]] = {}
"""What PyTorch holds of other libraries' arrays, by the address of its description."""


@_Deleter
def _give_back(managed: Any) -> None:
    _lent.pop(ctypes.addressof(managed.contents), None)


class ForeignArray:
    """Some float32 elements at an address, owned by another object, as an array of CuPy or Numba is.

    Parameters
    ----------
    owner
        What must live as long as the memory is used.
    """

    def __init__(self, owner: object, address: int, count: int, kind: str = DEVICE, device: int = 0) -> None:
        self.owner, self.address, self.count = owner, address, count
        self.device = NUMBERS[kind], device
        if kind == "cuda":
            self.__cuda_array_interface__ = {
                "data": (address, False), "shape": (count,), "typestr": "<f4", "version": 3,
            }  # fmt: skip

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, **options: object) -> Any:
        shape, strides = (ctypes.c_int64 * 1)(self.count), (ctypes.c_int64 * 1)(1)
        managed = _Managed(_Tensor(self.address, *self.device, 1, FLOAT, 32, 1, shape, strides, 0), None, _give_back)
        _lent[ctypes.addressof(managed)] = managed, shape, strides, self.owner
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return new(ctypes.addressof(managed), _NAME, None)


def lend(tensor: torch.Tensor) -> torch.Tensor:
    """Return a guest of a tensor's memory, through an array of another library; of others than float32 their data."""
    if tensor.dtype is not torch.float32 or not tensor.is_contiguous():
        return tensor.data
    where = tensor.device
    owner = tensor.untyped_storage()  # the tensor may be given another one
    return torch.from_dlpack(ForeignArray(owner, tensor.data_ptr(), tensor.numel(), where.type, where.index or 0))


def lent() -> int:
    """Return how many guests there are."""
    return len(_lent)
