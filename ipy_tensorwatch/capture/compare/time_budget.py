"""The time that reading and comparing bytes may take."""

from __future__ import annotations

import math
from time import thread_time

from ...core.runtime.record import mutable

BANDWIDTH = 10e9
"""Bytes per second that a digest surely reaches; used only to estimate whether a storage fits the budget."""


@mutable
class TimeBudget:
    """Seconds available for reading bytes; the unspent part of a cell's allowance is saved, up to a limit.

    Attributes
    ----------
    cap
        The most that may be spent on one cell, in seconds.
    """

    limit: float = 1.0
    cap: float = math.inf
    credit: float = 0.0
    spent: float = 0.0
    granted: float = 0.0

    def grant(self, seconds: float) -> None:
        """Add a cell's allowance."""
        self.credit = min(max(self.limit, seconds), self.credit + seconds)
        self.spent, self.granted, self.cap = 0.0, seconds, math.inf

    def affords(self, nbytes: int) -> bool:
        """Return whether the budget probably suffices to compare so many bytes."""
        seconds = nbytes / BANDWIDTH
        return self.credit > seconds and self.spent + seconds < self.cap

    def pay_since(self, start: float) -> float:
        """Charge this thread's CPU time since `start`; return the present time."""
        now = thread_time()
        self.pay(now - start)
        return now

    def pay(self, seconds: float) -> None:
        """Charge seconds to the budget."""
        self.credit -= seconds
        self.spent += seconds
