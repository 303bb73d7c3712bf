"""The time that looks may cost while a cell runs."""

from __future__ import annotations

from math import inf
from time import perf_counter

from ....core.runtime.record import field, mutable

EVENT, PASS = 1.5e-6, 2.5e-6
"""The measured cost of a line event, and of entering a statement, in seconds."""
READING, READING_NEW = 3e-6, 20e-6
"""The measured cost of finding and reading one tensor while the cell runs, and a new one with its bytes, in seconds."""
SWITCH = 0.0001
"""The cost of enabling line events again, in seconds: Python visits every function once more."""
AGAIN = 0.1
"""The part of the floor available to statements that are entered again, as in a loop."""


@mutable
class LookBudget:
    """A share of a cell's run time; at most half of it goes to lines inside functions.

    Attributes
    ----------
    spent, inside, again
        The cost of all looks so far in seconds, and the parts inside functions and before statements that
        ran before.
    """

    share: float
    floor: float
    spent: float = 0.0
    inside: float = 0.0
    again: float = 0.0
    _began: float = 0.0
    _entered: dict[int, float] = field(default_factory=dict)

    def begin(self) -> None:
        """Start the cell's clock."""
        self._began = perf_counter()

    def has_time(self, now: float, seconds: float = 0.0, *, again: bool = False) -> bool:
        """Return whether a look of so many seconds fits between statements now."""
        if again and self.again + seconds >= self._total(now, AGAIN):
            return False
        return self.spent + seconds < self._total(now)

    def left(self, now: float) -> float:
        """Return the seconds that are left for looks."""
        return self._total(now) - self.spent

    def wait(self, now: float, seconds: float) -> float:
        """Return the seconds until looks of this cost fit; infinite for never."""
        missing = max(self.again + seconds - self._total(now, AGAIN), self.spent + seconds - self._total(now))
        if missing <= 0:
            return 0.0
        return missing / self.share if self.share else inf

    def left_inside(self, statement: int, now: float) -> float:
        """Return a statement's remaining time for looks inside functions: half of what is left by earlier ones."""
        used, found = self._used(statement, now)
        return found / 2 - used

    def is_overdrawn(self, statement: int, now: float) -> bool:
        """Return whether even line events, without looks, cost a statement too much."""
        used, found = self._used(statement, now)
        return used > found * 3 / 4

    def charge(self, seconds: float, *, inside: bool = False, again: bool = False) -> None:
        """Charge a cost in seconds."""
        self.spent += seconds
        if again:
            self.again += seconds
        if inside:
            self.inside += seconds

    def _used(self, statement: int, now: float) -> tuple[float, float]:
        """Return what a statement spent on looks inside functions, and what was available when it began."""
        entered = self._entered.setdefault(statement, self.inside)
        return self.inside - entered, self._total(now) / 2 - entered

    def _total(self, now: float, part: float = 1.0) -> float:
        return part * self.floor + self.share * (now - self._began)
