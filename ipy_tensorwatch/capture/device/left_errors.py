"""Whether a launch left its error unread: who asks the device next reads and clears it, so that must not be us.

CUDA's runtime remembers, for each thread, the error of the last call that failed, until somebody reads it. That of a
launch whose author did not read it, as in an extension, is read by the next operator of PyTorch, which raises it and
clears it; a query of an event or a stream that has work left clears it without a word. An error that the device itself
met, as a bad address, is told again by every later call, and needs no such care.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

LIBRARY = "libc10_cuda.so"
"""The library of PyTorch whose CUDA runtime is asked; others, linked into an extension, have errors of their own."""


@cache
def peek_of(device_type: str) -> Callable[[], int] | None:
    """Return what tells the number of the error that is left, and leaves it; None for devices without such errors.

    The same on Windows, where that library does not lead to the runtime.
    """
    if device_type != "cuda":
        return None
    try:
        found: Callable[[], int] = ctypes.PyDLL(str(Path(torch.__file__).parent / "lib" / LIBRARY)).cudaPeekAtLastError
    except (OSError, AttributeError):
        return None
    return found


def has_left_error(device: torch.device) -> bool:
    """Return whether an error of a launch in this thread waits to be read by the user's own code."""
    peek = peek_of(device.type)
    return peek is not None and peek() != 0
