"""A timer that calls a function repeatedly while one cell runs."""

from __future__ import annotations

from _thread import TIMEOUT_MAX, allocate_lock, start_new_thread
from math import isfinite
from typing import TYPE_CHECKING

from ...core.runtime.guard import GUARD
from ..runtime.threads import OWN

if TYPE_CHECKING:
    from collections.abc import Callable


class WakeTimer:
    """Calls `wake` in its own thread; each call returns the seconds until the next, infinite for never.

    The thread is no `threading.Thread`, which programs count and Python joins at exit. It sleeps in a call that
    holds no lock, so a process forked meanwhile goes on, only without the timer.
    """

    def __init__(self, wake: Callable[[], float]) -> None:
        self._wake = wake
        self._gate = allocate_lock()
        self._is_on = False

    def start(self, seconds: float) -> None:
        """Schedule the first call; without effect if the timer already runs."""
        if self._is_on or not isfinite(seconds):
            return
        self._is_on = True
        self._gate.acquire()
        OWN.add(self)
        try:
            start_new_thread(self._run, (seconds,))
        except RuntimeError:  # no more threads, or the interpreter is about to exit
            self._gate.release()
            OWN.discard(self)

    def stop(self) -> None:
        """End the thread, without waiting for it."""
        if self._is_on and self._gate.locked():
            self._gate.release()

    def _run(self, seconds: float) -> None:
        try:
            while isfinite(seconds) and not self._gate.acquire(timeout=min(seconds, TIMEOUT_MAX)):
                seconds = GUARD.run_briefly("waking-probes", self._wake, default=float("inf"))
        finally:
            OWN.discard(self)
