"""The garbage collector, paused while we look."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Pause the garbage collector, and with it the user's finalizers.

    Our allocations would otherwise trigger it, and it visits all of the user's objects: a third of a
    second with PyTorch loaded.
    """
    enabled = gc.isenabled()
    try:
        gc.disable()
        yield
    finally:
        if enabled:
            gc.enable()
