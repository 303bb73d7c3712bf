"""A watched notebook on an accelerator."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def notebook_on(device: Any, setup: str) -> Iterator[Notebook]:
    """Open a notebook that has run its first cell, and wait for the device at the end."""
    with Notebook() as watched:
        watched.give(device=device)
        watched.run(setup)
        device.counts()
        yield watched
    finish(device)


def finish(device: Any) -> None:
    """Wait until the device is done."""
    while device.is_busy():
        time.sleep(0.01)
