"""Hold signals back while our own code runs: Ctrl-C is meant for the user's code, and must not cut ours in two."""

from __future__ import annotations

import signal
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from threading import get_ident, main_thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_NAMES = ("SIGINT", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGTERM")
HELD: tuple[int, ...] = tuple(int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name))
"""Signals that a person or a program sends to stop a cell."""

# What `signal` wraps in enums, without them: several times as quick.
_handler_of: Callable[[int], Any] = getattr(signal.getsignal, "__wrapped__", signal.getsignal)
_set_handler: Callable[[int, Any], Any] = getattr(signal.signal, "__wrapped__", signal.signal)
_MAIN = main_thread().ident


@dataclass(slots=True, eq=False)
class HeldSignals:
    """The signals of the main thread, which alone runs their handlers.

    Attributes
    ----------
    arrived
        The signals that came while our code ran and were not delivered yet, in order.
    """

    arrived: list[int] = field(default_factory=list)
    _handlers: list[tuple[int, Any]] = field(default_factory=list)
    _depth: int = 0

    @property
    def are_waiting(self) -> bool:
        """Whether signals are to be delivered to what this thread runs."""
        return bool(self.arrived) and get_ident() == _MAIN

    def hold(self) -> None:
        """Hold signals back until as many calls of `release` as of this."""
        if get_ident() != _MAIN:
            return
        self._depth += 1
        if self._depth > 1:
            return
        for number in HELD:
            handler = _handler_of(number)
            if callable(handler):  # an ignored signal stays ignored, and one that ends the process ends it
                self._handlers.append((number, handler))
                _set_handler(number, self._note)

    def release(self) -> None:
        """Give signals their handlers back."""
        if not self._depth or get_ident() != _MAIN:
            return
        if self._depth > 1:
            self._depth -= 1
            return
        handlers, self._handlers, self._depth = self._handlers, [], 0
        for number, handler in reversed(handlers):
            _set_handler(number, handler)

    def take(self) -> Callable[[], object]:
        """Return what delivers the signals that have arrived, once, to the code that calls it.

        No part of it is written in Python, so that no frame of ours stands in the traceback of a KeyboardInterrupt.
        """
        arrived, self.arrived = self.arrived, []
        return partial(deque, map(signal.raise_signal, arrived), 0)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.arrived.append(number)
