"""A hazard as data: what will go wrong, what is known of it, and its fix. Its sentences are made in `render`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runtime.record import record
from .codes import OF_BACKWARD, HazardCode
from .hazard_facts import Fact, KeptReference

if TYPE_CHECKING:
    from ..records.report_parts import Outcome, Site
    from ..records.trace.graph_state import Ending
    from .fix import Fix

MAX_KEY = 500
"""Maximum length of a hazard's key, in characters."""


@record
class Hazard:
    """A state that will make a later step raise or give a wrong result, or that made the cell raise.

    Attributes
    ----------
    outcome
        The step raises, its result is silently wrong, or it is a risk under a condition that the
        message names.
    happened
        Whether it has come true: the cell raised because of it.
    op
        The node of the graph that saved the tensor.
    fact
        What its message states beyond these fields; None if the code says all.
    fix
        What to write instead.
    saved_cell, written_cell
        The cells of `saved_at` and `written_at`.
    node
        The sequence number of the node that saved the tensor; it distinguishes graphs.
    """

    code: HazardCode
    outcome: Outcome
    paths: tuple[str, ...]
    op: str | None = None
    fact: Fact | None = None
    fix: Fix
    saved_at: Site | None = None
    written_at: Site | None = None
    saved_cell: int | None = None
    written_cell: int | None = None
    node: int | None = None
    happened: bool = False

    @property
    def mark(self) -> object:
        """The identity of the hazard, which does not depend on the current names of its variables."""
        if self.code == "TW203" and self.outcome == "risk" and self.written_at:  # assigned again in each cell
            return self.code, self.outcome, self.written_at.text, self.written_at.inner
        where = self.saved_cell, self.saved_at, self.written_cell, self.written_at
        return self.code, self.outcome, self.op, where if any(where) else self.paths

    @property
    def key(self) -> str:
        """What stays the same when its cells run again: its code, the statement, and its variables."""
        site = self.written_at or self.saved_at
        return " ".join((self.code, site.text if site else "", *self.paths))[:MAX_KEY]

    @property
    def is_worth_saying(self) -> bool:
        """Whether to report it unasked; a backward or a load that may never run stays in the report only."""
        if isinstance(self.fact, KeptReference) and self.fact.is_handed_over:
            return False
        return self.outcome != "risk" or self.code not in OF_BACKWARD


@record
class Turn:
    """A hazard that began or ended with a cell.

    Attributes
    ----------
    why
        Why it ended; None if it began.
    """

    cell: int
    hazard: Hazard
    why: Ending | None = None
