"""What the other threads of the process are at: a write between two statements may have been theirs."""

from __future__ import annotations

import sys
from threading import get_ident
from traceback import walk_stack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container


def names_in_other_threads(files: Container[str]) -> frozenset[str]:
    """Return the global names that the notebook's functions use which other threads run at this moment.

    Parameters
    ----------
    files
        The file names of the notebook's cells.
    """
    frames = (frame for thread, frame in sys._current_frames().items() if thread != get_ident())
    codes = (one.f_code for frame in frames for one, _ in walk_stack(frame))
    return frozenset(name for code in codes if code.co_filename in files for name in code.co_names)
