"""Where another thread is: the line of its cell, and the collective that it has entered."""

from __future__ import annotations

import sys
from traceback import walk_stack
from typing import TYPE_CHECKING

from ..frames.line_monitor import CELL

if TYPE_CHECKING:
    from collections.abc import Callable

COLLECTIVES = "distributed_c10d.py"
"""The file in which PyTorch defines its collectives."""
_WRAPPER = "wrapper"


def line_of_thread(thread: int, is_cell: Callable[[str], bool]) -> tuple[int, str | None]:
    """Return the line of the cell that a thread runs, 0 if it runs none, and the name of its collective, if any."""
    frame = sys._current_frames().get(thread)
    collective, line = None, 0
    for one, number in walk_stack(frame) if frame is not None else ():
        code = one.f_code
        if code.co_filename.endswith(COLLECTIVES) and code.co_name != _WRAPPER:
            collective = code.co_name
        if code.co_name == CELL and is_cell(code.co_filename):
            line = number
            break
    return line, collective
