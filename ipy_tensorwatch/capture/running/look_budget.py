"""How much time may be spent on looks while a cell runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter

EVENT = 1.5e-6
"""What it costs to be told of a line, in seconds, as measured."""


@dataclass(slots=True)
class Allowance:
    """A share of a cell's run time; half of it at most goes to the lines inside functions.

    Attributes
    ----------
    spent, inside
        What all looks have cost so far, and of that what those inside functions have.
    """

    share: float
    floor: float
    spent: float = 0.0
    inside: float = 0.0
    _began: float = 0.0
    _entered: dict[int, float] = field(default_factory=dict)

    def begin(self) -> None:
        """Start the cell's clock."""
        self._began = perf_counter()

    def has_time(self, now: float, seconds: float = 0.0) -> bool:
        """Tell whether there is time for a look between statements that takes so long."""
        return self.spent + seconds < self._total(now)

    def left_inside(self, statement: int, now: float) -> float:
        """Tell the time that a statement has for looks inside functions: half of what those before it have left."""
        used, found = self._used(statement, now)
        return found / 2 - used

    def is_overdrawn(self, statement: int, now: float) -> bool:
        """Tell whether even being told of lines, without looks, has cost a statement too much."""
        used, found = self._used(statement, now)
        return used > found * 3 / 4

    def charge(self, seconds: float, *, inside: bool = False) -> None:
        """Note what something has cost."""
        self.spent += seconds
        if inside:
            self.inside += seconds

    def _used(self, statement: int, now: float) -> tuple[float, float]:
        """Tell what a statement has used for looks inside functions, and how much it found when it began."""
        entered = self._entered.setdefault(statement, self.inside)
        return self.inside - entered, self._total(now) / 2 - entered

    def _total(self, now: float) -> float:
        return self.floor + self.share * (now - self._began)
