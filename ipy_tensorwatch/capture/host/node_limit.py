"""How many graph nodes may be read, given stack and time."""

from __future__ import annotations

import sys
from time import perf_counter

SMALLEST, LARGEST = 1 << 20, 8 << 20
"""What Windows gives the main thread, and what is ordinary elsewhere."""


def _stack_size() -> int:
    """Return the stack size in bytes, 8 MB if there is no limit."""
    if sys.platform == "win32":
        return SMALLEST
    import resource  # noqa: PLC0415  (there is none on Windows)

    soft, _ = resource.getrlimit(resource.RLIMIT_STACK)
    return LARGEST if soft == resource.RLIM_INFINITY else max(SMALLEST, min(soft, LARGEST))


MAX_NODES = _stack_size() // 512
"""How many nodes of graphs are read. PyTorch lets go of those that Python has seen by recursion, 200 bytes for each."""
CLOCK_EVERY = 64
"""How many nodes are read between two looks at the clock."""


def is_enough(count: int, deadline: float) -> bool:
    """Return whether the node limit or the deadline (of `perf_counter`) is reached."""
    return count >= MAX_NODES or is_late(count, deadline)


def is_late(count: int, deadline: float) -> bool:
    """Return whether the deadline has passed, reading the clock now and then."""
    return count % CLOCK_EVERY == 0 and perf_counter() > deadline
