"""What other threads of the process are running: a write between two statements may be theirs."""

from __future__ import annotations

import sys
import sysconfig
from threading import get_ident
from traceback import walk_stack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

_LIBRARIES = ("<frozen ", sysconfig.get_path("stdlib"))
_PACKAGES = ("site-packages", "dist-packages")


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


def runs_in_other_threads() -> bool:
    """Return whether another thread runs code that is neither Python's nor of an installed package."""
    frames = (frame for thread, frame in sys._current_frames().items() if thread != get_ident())
    files = (one.f_code.co_filename for frame in frames for one, _ in walk_stack(frame))
    return not all(one.startswith(_LIBRARIES) or any(part in one for part in _PACKAGES) for one in files)
