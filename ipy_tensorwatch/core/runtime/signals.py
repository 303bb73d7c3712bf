"""Hold signals while our code runs: Ctrl-C is meant for the user's code, and must not interrupt ours."""

from __future__ import annotations

import _signal as fast  # type: ignore[import-not-found]  # what `signal` wraps in enums: some forty times as quick
import signal
import threading
import traceback
from _thread import interrupt_main
from collections import deque
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any

from .record import field, mutable

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_NAMES = ("SIGINT", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGTERM")
HELD: tuple[int, ...] = tuple(int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name))
"""The signals that a person or a program sends to stop a cell."""

_MAIN = threading.main_thread().ident or 0
MOMENT = 0.005
"""Seconds until a signal is sent again: longer than starting the thread that does so."""


@mutable(eq=False)
class HeldSignals:
    """The held signals of the main thread, the only thread that runs signal handlers.

    Attributes
    ----------
    arrived
        The signals that arrived while our code ran and were not delivered yet, in order.
    """

    arrived: list[int] = field(default_factory=list)
    _later: list[int] = field(default_factory=list)
    _handlers: list[tuple[int, Any]] = field(default_factory=list)
    _depth: int = 0

    @property
    def are_waiting(self) -> bool:
        """Whether signals are to be delivered to the code of this thread."""
        return bool(self.arrived) and get_ident() == _MAIN

    def hold(self) -> None:
        """Hold signals; nested calls need as many calls of `release`."""
        try:
            self._hold()
        except BaseException as error:
            if not self.catch(error):  # a signal that came just before
                raise
            self._hold()

    def catch(self, error: BaseException) -> bool:
        """Return whether a signal raised this error in our code; if so, hold that signal."""
        sender = self._find_sender(error)
        if sender is not None:
            self.arrived.append(sender)
        return sender is not None

    def _hold(self) -> None:
        if get_ident() != _MAIN:
            return
        if self._depth:
            self._depth += 1
            return
        for number in HELD:
            handler = fast.getsignal(number)
            if callable(handler) and handler != self._note:  # an ignored signal stays ignored, a deadly one deadly
                self._handlers.append((number, handler))
                fast.signal(number, self._note)
        self._depth = 1

    def release(self) -> None:
        """Restore the signal handlers."""
        if not self._depth or get_ident() != _MAIN:
            return
        if self._depth > 1:
            self._depth -= 1
            return
        handlers, self._handlers, self._depth = self._handlers, [], 0
        for number, handler in reversed(handlers):
            fast.signal(number, handler)

    def take(self) -> Callable[[], object]:
        """Return a callable that delivers the arrived signals, once, to the code that calls it.

        It is no Python function, so that no frame of ours appears in the traceback of a KeyboardInterrupt.
        """
        arrived, self.arrived = self.arrived, []
        return partial(deque, map(signal.raise_signal, arrived), 0)

    def send_later(self) -> None:
        """Resend the arrived signals a moment later, when the user's code runs: here they would raise in our frame."""
        if get_ident() != _MAIN:
            return
        self._later += self.arrived
        self.arrived = []
        threading.Timer(MOMENT, self._send).start()

    def recall(self) -> None:
        """Cancel signals not yet resent: nobody is left to receive them."""
        if get_ident() != _MAIN:
            return
        later, self._later = self._later, []
        self.arrived += later

    def _send(self) -> None:
        later, self._later = self._later, []
        for number in later:
            if hasattr(signal, "pthread_kill"):  # which wakes `time.sleep` too; Windows lacks it
                signal.pthread_kill(_MAIN, number)
            else:
                interrupt_main(signal.Signals(number))

    def _find_sender(self, error: BaseException) -> int | None:
        """Return the signal that raised an error in our code, if one did."""
        if issubclass(type(error), KeyboardInterrupt):
            return int(signal.SIGINT)
        codes = {getattr(handler, "__code__", None): number for number in HELD if (handler := fast.getsignal(number))}
        ran = (frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__))
        return next((codes[code] for code in ran if code in codes), None)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.arrived.append(number)
