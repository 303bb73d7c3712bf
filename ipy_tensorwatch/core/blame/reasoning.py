"""Reason about one trace: what changed, by which statement, and whether anybody would have expected it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ..host.guard import GUARD
from ..model.diff import classify
from .cause import find_cause
from .cell_index import CellIndex
from .changes import make_change
from .silent import NOT_EXPLAINED, OUTSIDE
from .snapshot_index import SnapshotIndex

if TYPE_CHECKING:
    from ..model.cell_trace import CellTrace
    from ..model.diff import Content, Difference
    from ..model.records import Change
    from .silent import Verdict


class Reasoning:
    """What follows from a trace, and from nothing else; each part is made when it is first read, and kept."""

    def __init__(self, trace: CellTrace) -> None:
        self.trace = trace

    @cached_property
    def places(self) -> SnapshotIndex:
        """What lies together after the cell."""
        return SnapshotIndex(self.trace.after)

    @cached_property
    def own(self) -> CellIndex:
        """The evidence of the cell itself."""
        return CellIndex(self.trace.own, self.trace, self.places)

    @cached_property
    def beside(self) -> tuple[CellIndex, ...]:
        """The evidence of the cells that ran meanwhile."""
        return tuple(CellIndex(one, self.trace, self.places) for one in self.trace.beside)

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """The changes, those from before the cell first."""
        before = (self._change(*one, OUTSIDE) for one in self.trace.outside)
        during = (self._change(*one) for one in self.trace.found)
        return tuple(one for one in (*before, *during) if one is not None)

    def _change(self, difference: Difference, content: Content, known: Verdict | None = None) -> Change | None:
        kind = classify(difference, content)
        if kind is None:
            return None
        verdict = (known or self.verdict(difference)) if kind == "mutated" else None
        return make_change(kind, difference, content, verdict)

    @property
    def silent(self) -> tuple[Change, ...]:
        """The changes that nobody would have expected from reading the cell."""
        return tuple(change for change in self.changes if change.silent)

    @property
    def curtailed(self) -> tuple[str, ...]:
        """The paths of which what changed them was not looked for to the end, as far as the changes were made."""
        return tuple(dict.fromkeys(path for one in (self.own, *self.beside) for path in one.curtailed))

    def verdict(self, difference: Difference) -> Verdict:
        """Explain why the bytes behind a path differ."""
        return GUARD.run("who wrote", self._judge, difference, default=NOT_EXPLAINED)

    def _judge(self, difference: Difference) -> Verdict:
        """Blame the cell, one that ran beside it, or another thread."""
        verdict = find_cause(self.own, difference)
        if verdict.cause != "alias" or verdict.via:  # a statement of this cell leads to the memory
            return verdict
        others = (find_cause(one, difference) for one in self.beside)
        if any(one.via or one.cause != "alias" for one in others):
            return OUTSIDE
        names = self.trace.elsewhere
        roots = {path.root for path in self.places.sharing(difference)} if names else set()
        return verdict if names.isdisjoint(roots) else OUTSIDE
