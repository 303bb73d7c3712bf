"""The garbage collector, kept still while we look."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Keep the garbage collector from running, and with it finalizers of the user's.

    What we make while we look would otherwise set it off, and it goes through all objects of the user's: a third of a
    second where PyTorch is loaded.
    """
    enabled = gc.isenabled()
    try:
        gc.disable()
        yield
    finally:
        if enabled:
            gc.enable()
