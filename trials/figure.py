"""What a trial has found, as one line beside its bar."""

from __future__ import annotations

from dataclasses import dataclass

MAX_NOTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table.

    Attributes
    ----------
    what
        What was tried.
    bar, measured
        What is to be reached, and what was found.
    is_ok
        Whether it was reached; None for a figure that is told without a bar.
    notes
        The cases that failed, one a line.
    """

    what: str
    bar: str
    measured: str
    is_ok: bool | None
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Write the line, and below it what failed."""
        mark = {True: "ok  ", False: "FAIL", None: "    "}[self.is_ok]
        more = [f"         … and {len(self.notes) - MAX_NOTES} more"] if len(self.notes) > MAX_NOTES else []
        below = [f"         {one[:300]}" for one in self.notes[:MAX_NOTES]]
        return "\n".join([f"{mark} {self.what}: {self.measured} (bar: {self.bar})", *below, *more])

    def markdown(self, before: str = "") -> str:
        """Write the row of docs/figures.md."""
        measured = self.measured if self.is_ok is not False else f"**{self.measured}: missed**"
        return f"| {self.what} | {before} | {self.bar} | {measured} |"


def none_of(what: str, failed: list[str], total: int, unit: str) -> Figure:
    """Give the figure of a trial in which nothing may fail, and something must have been tried."""
    measured = f"{len(failed)} of {total:,} {unit}"
    return Figure(what=what, bar="0", measured=measured, is_ok=total > 0 and not failed, notes=tuple(failed))
