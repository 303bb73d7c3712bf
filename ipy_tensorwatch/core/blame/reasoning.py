"""Explain one trace: what changed, by which statement, and whether the change was expected."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from ..host.guard import GUARD
from ..model.differences import Differences
from .cause import find_cause
from .cell_index import CellIndex
from .changes import make_change
from .expected import ExpectedWrites, is_mutated
from .silent import NOT_EXPLAINED, OUTSIDE
from .snapshot_index import SnapshotIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..model.cell_trace import CellTrace
    from ..model.difference import Difference
    from ..model.differences import Found
    from ..model.records import Cause, Change
    from .silent import Verdict


_WITHOUT_CALLS: frozenset[Cause | None] = frozenset(("optimizer", "backward"))


class Reasoning:
    """Everything derived from one trace, each part computed on first use and kept."""

    def __init__(self, trace: CellTrace) -> None:
        self.trace = trace
        self._made: dict[int, Change | None] = {}

    @cached_property
    def places(self) -> SnapshotIndex:
        """The index of the snapshot after the cell."""
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
        return GUARD.run("who wrote", self._make_changes, range(len(self.trace.found)), default=())

    @cached_property
    def unsettled(self) -> tuple[Change, ...]:
        """The mutations without a bulk cause: only these can be silent, or named as written."""
        if not self.trace.found and not self.trace.outside:
            return ()
        return GUARD.run("who wrote", self._make_unsettled, default=())

    @cached_property
    def silent(self) -> tuple[Change, ...]:
        """The changes that a reader of the cell would not expect."""
        return tuple(change for change in self.unsettled if change.silent)

    @property
    def nbytes(self) -> int:
        """The bytes of memory copies that the trace keeps beside its records."""
        masks = (one.mask for several in self.trace.own.writes.values() for one in several)
        found = self.trace.found
        return sum(map(len, filter(None, masks))) + (found.nbytes if isinstance(found, Differences) else 0)

    def without_bytes(self) -> Reasoning:
        """Explain the unsettled mutations, then release the bytes: the other changes do not need them."""
        trace, _ = self.trace, self.unsettled
        if isinstance(trace.found, Differences):
            trace.found.let_go()
        writes = {
            storage: tuple(replace(one, mask=None) for one in several) for storage, several in trace.own.writes.items()
        }
        thin = Reasoning(replace(trace, own=replace(trace.own, writes=writes)))
        thin._made.update(self._made)
        return thin

    def count_changes(self) -> int:
        """Count the changes of paths that exist before and after; some may turn out to be none."""
        return sum(_count_both(found) for found in (self.trace.outside, self.trace.found))

    def _make_unsettled(self) -> tuple[Change, ...]:
        return self._make_changes([row for row, cause in self._classes.items() if cause is None])

    @cached_property
    def _classes(self) -> dict[int, Cause | None]:
        """The mutated rows, each with the cause that its class settles, or None."""
        return ExpectedWrites(self.own, self.trace.found).classes()

    @property
    def settled(self) -> Mapping[int, Cause]:
        """The rows of `found` whose cause is settled by class."""
        return {row: cause for row, cause in self._classes.items() if cause is not None}

    @property
    def follows_calls(self) -> bool:
        """Whether explaining the changes may interpret the notebook's functions."""
        return any(cause not in _WITHOUT_CALLS for cause in self._classes.values())

    def _make_changes(self, rows: Iterable[int]) -> tuple[Change, ...]:
        before = (make_change(*one, OUTSIDE) for one in self.trace.outside)
        during = (self._change(row) for row in rows)
        return tuple(one for one in (*before, *during) if one is not None)

    def _change(self, row: int) -> Change | None:
        if row not in self._made:
            difference, content = self.trace.found[row]
            verdict = self.verdict(difference) if is_mutated(difference, content) else None
            self._made[row] = make_change(difference, content, verdict)
        return self._made[row]

    @property
    def curtailed(self) -> tuple[str, ...]:
        """The paths whose cause was not searched to the end, among the changes made so far."""
        return tuple(dict.fromkeys(path for one in (self.own, *self.beside) for path in one.curtailed))

    def verdict(self, difference: Difference) -> Verdict:
        """Explain why the bytes behind a path differ."""
        return GUARD.run("who wrote", self._judge, difference, default=NOT_EXPLAINED)

    def _judge(self, difference: Difference) -> Verdict:
        """Attribute a change to the cell, to one that ran beside it, or to another thread."""
        verdict = find_cause(self.own, difference)
        if verdict.cause != "alias" or verdict.via:  # a statement of this cell leads to the memory
            return verdict
        others = (find_cause(one, difference) for one in self.beside)
        if any(one.via or one.cause != "alias" for one in others):
            return OUTSIDE
        names = self.trace.elsewhere
        roots = {path.root for path in self.places.sharing(difference)} if names else set()
        return verdict if names.isdisjoint(roots) else OUTSIDE


def _count_both(found: Sequence[Found]) -> int:
    """Return the number of paths that exist before and after."""
    if isinstance(found, Differences):
        return sum(row.before is not None and row.after is not None for row in found.rows)
    return sum(one.before is not None and one.after is not None for one, _ in found)
