"""What other threads of the process are running: a write between two statements may be theirs."""

from __future__ import annotations

import sys
from threading import get_ident
from traceback import walk_stack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container


def names_in_other_threads(files: Container[str]) -> frozenset[str]:
    """Return the global names used by the notebook functions that other threads are running.

    Parameters
    ----------
    files
        The file names of the notebook's cells.
    """
    frames = (frame for thread, frame in sys._current_frames().items() if thread != get_ident())
    codes = (one.f_code for frame in frames for one, _ in walk_stack(frame))
    return frozenset(name for code in codes if code.co_filename in files for name in code.co_names)
