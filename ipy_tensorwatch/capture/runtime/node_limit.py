"""How many graph nodes may be read, given stack and time."""

from __future__ import annotations

import sys
from time import perf_counter

SMALLEST, LARGEST = 1 << 20, 8 << 20
"""The stack of the main thread on Windows, and the usual one elsewhere, in bytes."""


def _stack_size() -> int:
    """Return the stack size in bytes, 8 MB if there is no limit."""
    if sys.platform == "win32":
        return SMALLEST
    import resource  # noqa: PLC0415  (missing on Windows)

    soft, _ = resource.getrlimit(resource.RLIMIT_STACK)
    return LARGEST if soft == resource.RLIM_INFINITY else max(SMALLEST, min(soft, LARGEST))


MAX_NODES = _stack_size() // 512
"""The node limit: PyTorch releases nodes seen by Python recursively, with 200 bytes of stack for each."""
CLOCK_EVERY = 64
"""The number of nodes between two readings of the clock."""


def is_enough(count: int, deadline: float) -> bool:
    """Return whether the node limit or the deadline (of `perf_counter`) is reached."""
    return count >= MAX_NODES or (count % CLOCK_EVERY == 0 and perf_counter() > deadline)


def is_late(count: int, deadline: float) -> bool:
    """Return whether the deadline has passed, reading the clock now and then."""
    return count % CLOCK_EVERY == 0 and perf_counter() > deadline
