"""What other threads are doing: whether one may run user code, and which names it uses."""

from __future__ import annotations

import sys
import threading
from threading import get_ident
from traceback import walk_stack
from typing import TYPE_CHECKING

from ...core.runtime.python_private import thread_count
from .library_files import is_library_file

if TYPE_CHECKING:
    from collections.abc import Container

_SERVICES = ("ipykernel.", "ipy_tensorwatch.", "IPython.", "zmq.", "tornado.")
_OF_KERNEL = "IOPub"
"""The name of the only kernel thread without a class of its own."""
OWN: set[object] = set()
"""The timers with a running thread of ours, which runs no user code."""


def is_alone() -> bool:
    """Return whether this is the main thread and all others are kernel threads without user code."""
    if threading.current_thread() is not threading.main_thread():
        return False
    others = [one for one in threading.enumerate() if one is not threading.main_thread()]
    return thread_count() <= len(others) + len(OWN) and all(map(_is_service, others))


def _is_service(thread: threading.Thread) -> bool:
    kind = type(thread)
    if kind is threading.Thread:
        return thread.name == _OF_KERNEL
    home, name = (type.__getattribute__(kind, part) for part in ("__module__", "__name__"))
    return type(home) is str and home.startswith(_SERVICES) and "subshell" not in name.lower()


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
    return not all(map(is_library_file, files))
