"""What we load, kept from the accounts of the garbage collector."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NEVER = 1 << 30


@contextmanager
def loading_uncounted() -> Iterator[None]:
    """Count what is made meanwhile among the collector's oldest objects at once.

    The collector looks at all objects when a quarter of them is new: a tenth of a second with PyTorch loaded. Our
    modules are 20,000 objects, half of that quarter, so the user's next cells would pay for having loaded us. Where no
    module is imported, nothing is done.
    """
    modules = len(sys.modules)
    young, middle, old = gc.get_threshold()
    gc.set_threshold(young, NEVER, old)  # what survives the youngest generation is counted when it leaves the next
    try:
        yield
    finally:
        gc.set_threshold(young, middle, old)
        if len(sys.modules) > modules and not gc.get_freeze_count():  # objects that the user has frozen stay so
            gc.freeze()
            gc.unfreeze()  # into the oldest generation
