"""A time limit for a piece of work, in CPU time of its own thread."""

from __future__ import annotations

import math
from time import perf_counter, thread_time

from .record import mutable


class LateError(Exception):
    """The deadline passed before the work was done; this error never leaves the package."""


@mutable
class Deadline:
    """A moment at which work is cut short, by this thread's CPU clock: other threads do not consume it.

    Examples
    --------
    >>> Deadline().has_passed(), Deadline.after(0).has_passed()
    (False, True)
    """

    moment: float = math.inf
    _earliest: float = math.inf

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline `seconds` from now."""
        return cls(thread_time() + seconds, perf_counter() + seconds)

    def has_passed(self) -> bool:
        """Return whether the deadline has passed."""
        now = perf_counter()
        if now < self._earliest:  # a thread gets no more CPU time than time passes, which is read much faster
            return False
        left = self.moment - thread_time()
        self._earliest = now + left
        return left <= 0

    @property
    def seconds_left(self) -> float:
        """The CPU time that is left, in seconds."""
        return max(0.0, self.moment - thread_time())

    def check(self) -> None:
        """Stop work that is late.

        Raises
        ------
        LateError
            If the deadline has passed.
        """
        if self.has_passed():
            raise LateError


NEVER = Deadline()
"""The deadline of work without a time limit."""
