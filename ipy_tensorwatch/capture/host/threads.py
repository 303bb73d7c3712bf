"""Whether another thread may be running user code."""

from __future__ import annotations

import threading

from ...core.host.python_private import thread_count

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
