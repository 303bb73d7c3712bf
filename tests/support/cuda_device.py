"""A CUDA device with the controls of the test accelerator, as far as CUDA has them."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import torch

from ipy_tensorwatch.capture.device.left_errors import LIBRARY

CYCLES = 1.7e9
"""About so many cycles of a GPU are a second."""


class _Run:
    """Some float32 elements at an address, as another library would hand them over."""

    def __init__(self, address: int, count: int) -> None:
        self.__cuda_array_interface__ = {
            "data": (address, False),
            "shape": (count,),
            "typestr": "<f4",
            "version": 3,
        }


class CudaDevice:
    """What the tests ask of a device; what is copied to the host is not counted here, so it is told as 0."""

    def counts(self) -> dict[str, int]:
        most = torch.cuda.max_memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        return {
            "to_host": 0,
            "to_device": 0,
            "waits": 0,
            "launches": 0,
            "spoilt": 0,
            "held": torch.cuda.memory_allocated(),
            "most": most,
        }

    def __init__(self) -> None:
        self._at_work: list[torch.cuda.Stream] = []

    def add_at(self, address: int, count: int, value: float) -> None:
        torch.as_tensor(_Run(address, count), device="cuda").add_(value)

    add_late = add_at  # a kernel comes behind the work of its stream anyway

    def work(self, seconds: float) -> None:
        torch.cuda._sleep(int(seconds * CYCLES))
        self._at_work.append(torch.cuda.current_stream())

    def limit(self, size: int) -> None:
        """Leave the memory of a card as it is: the tests that need less of it are not run there."""

    def leave_error(self, message: str) -> None:
        """Let a call fail whose error nobody reads; without a message, drop it."""
        runtime = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / LIBRARY))
        runtime.cudaSetDevice(-1) if message else runtime.cudaGetLastError()

    def is_busy(self) -> bool:
        self._at_work = [one for one in self._at_work if not one.query()]
        return bool(self._at_work) or not torch.cuda.current_stream().query()

    def synchronize(self) -> None:
        torch.cuda.synchronize()


def cuda_device() -> Any:
    return CudaDevice()
