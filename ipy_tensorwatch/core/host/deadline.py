"""How long a piece of work may go on, by the time that its own thread has used."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import thread_time


class LateError(Exception):
    """Time was up before the work was done; it never leaves the package."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment at which work is cut short, by the clock of this thread: what other threads do costs it nothing.

    Examples
    --------
    >>> Deadline().has_passed(), Deadline.after(0).has_passed()
    (False, True)
    """

    moment: float = math.inf

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline so many seconds from now."""
        return cls(thread_time() + seconds)

    def has_passed(self) -> bool:
        """Return whether time is up."""
        return thread_time() >= self.moment

    def check(self) -> None:
        """Raise where time is up."""
        if self.has_passed():
            raise LateError


NEVER = Deadline()
"""The deadline of work that may take as long as it takes."""
