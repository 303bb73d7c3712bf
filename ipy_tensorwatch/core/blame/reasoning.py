"""Explain one trace: what changed, by which statement, and whether the change was expected."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from ..records.snapshots.differences import Differences
from ..records.trace.evidence import mask_bytes, without_masks
from ..runtime.guard import GUARD
from .born_changes import BornChanges
from .cause import find_cause
from .changed_rows import ChangedRows, make_change
from .evidence.cell_index import CellIndex
from .evidence.snapshot_index import SnapshotIndex
from .late_collectives import OpenCollectives, blame_late_collective
from .leftovers import quiet_if_told_elsewhere
from .verdict import NOT_EXPLAINED, OUTSIDE, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..records.report_parts import Cause, Change, Kind
    from ..records.snapshots.difference import Difference
    from ..records.snapshots.differences import Found
    from ..records.trace.cell_trace import CellTrace
    from ..records.trace.notebook import Notebook


_BINDING: frozenset[Kind] = frozenset(("bound", "rebound"))
_WITHOUT_CALLS: frozenset[Cause | None] = frozenset(("optimizer", "backward"))


class Reasoning:
    """Everything derived from one trace, each part computed on first use and kept."""

    def __init__(self, trace: CellTrace) -> None:
        self.trace = trace

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
    def _rows(self) -> ChangedRows:
        return ChangedRows(lambda: self.own, self.trace.found, self._explain)

    @cached_property
    def born(self) -> BornChanges:
        """What became of what the cell bound."""
        return BornChanges(self.own, self.trace.born, self._explain)

    @cached_property
    def _bound_anew(self) -> BornChanges:
        return BornChanges(self.own, self.trace.left, self._explain)

    @cached_property
    def _left(self) -> tuple[Change, ...]:
        """The silent changes of what paths led to before the cell bound them anew; one change for each path."""
        if not self.trace.left:
            return ()
        found = (both for one in self.trace.born for both in one.found)
        known = {str(difference.path) for difference, content in found if content.changed}
        return tuple(one for one in self._bound_anew.used if one.path not in known)

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """The changes, those from before the cell first, and those of what it bound last."""
        return GUARD.run("finding-writer", self._make_changes, default=())

    @cached_property
    def unsettled(self) -> tuple[Change, ...]:
        """The mutations without a bulk cause: only these can be silent, or named as written."""
        if not self.trace.found and not self.trace.outside:
            return ()
        return GUARD.run("finding-writer", self._make_unsettled, default=())

    @cached_property
    def silent(self) -> tuple[Change, ...]:
        """The changes that a reader of the cell would not expect."""
        return tuple(change for change in self.unsettled if change.silent)

    @property
    def _looks(self) -> Iterator[Differences]:
        """The differences that keep bytes."""
        every = (self.trace.found, *(one.found for one in self.trace.born))
        return (one for one in every if isinstance(one, Differences))

    @property
    def nbytes(self) -> int:
        """The bytes of memory copies that the trace keeps beside its records."""
        return mask_bytes(self.trace.own.writes) + sum(one.nbytes for one in self._looks)

    def without_bytes(self) -> Reasoning:
        """Explain the unsettled mutations, then release the bytes: the other changes do not need them."""
        trace, _ = self.trace, self.unsettled
        for one in self._looks:
            one.let_go()
        thin = Reasoning(replace(trace, own=replace(trace.own, writes=without_masks(trace.own.writes))))
        thin._rows.adopt(self._rows)
        thin.born.adopt(self.born)
        return thin

    def know(self, changes: Mapping[str, Change]) -> None:
        """Take over silent changes that are known without further reasoning, by their paths."""
        self._rows.know(changes)
        self.born.know(changes)

    def with_notebook(self, notebook: Notebook) -> Reasoning:
        """Return the reasoning about the same cell, with what the notebook defines."""
        known = Reasoning(replace(self.trace, notebook=notebook))
        known.born.together = self.born.together
        if not known.own.calling:  # then no function of the notebook can have written
            known._rows.take_settled(self._rows)
        return known

    def count_changes(self) -> int:
        """Count the changes of paths that exist before and after; some may turn out to be none."""
        return sum(map(_count_both, (self.trace.outside, self.trace.found, *(one.found for one in self.trace.born))))

    def _make_unsettled(self) -> tuple[Change, ...]:
        return (*self._outside(), *self._rows.changes(self._rows.unsettled), *self.born.unsettled, *self._left)

    def _make_changes(self) -> tuple[Change, ...]:
        during = self._rows.changes(range(len(self.trace.found)))
        told = (replace(one, born=self.born.sites.get(one.path)) if one.kind in _BINDING else one for one in during)
        return (*self._outside(), *told, *self.born.all, *self._left)

    def _outside(self) -> Iterator[Change]:
        before = (make_change(*one, self._late(OUTSIDE, one[0])) for one in self.trace.outside)
        return (one for one in before if one is not None)

    @property
    def settled(self) -> Mapping[int, Cause]:
        """The rows of `found` whose cause is settled by class."""
        return {row: cause for row, cause in self._rows.classes.items() if cause is not None}

    def updates_of(self, says: Callable[[str], bool]) -> Iterator[Change]:
        """Yield the updates, by an optimizer or by hand, of paths with a name of some kind in them."""
        several = (*self._rows.of_names(says), *self.born.of_names(says))
        return (one for one in several if one.cause == "optimizer")

    @property
    def follows_calls(self) -> bool:
        """Whether explaining the changes may interpret the notebook's functions."""
        causes = chain(self._rows.classes.values(), self.born.causes, self._bound_anew.causes)
        return not _WITHOUT_CALLS.issuperset(causes)

    @property
    def curtailed(self) -> tuple[str, ...]:
        """The paths whose cause was not searched to the end, among the changes made so far."""
        return tuple(dict.fromkeys(path for one in (self.own, *self.beside) for path in one.curtailed))

    def verdict(self, difference: Difference) -> Verdict:
        """Explain why the bytes behind a path differ."""
        return self._explain(self.own, difference)

    def _explain(self, cell: CellIndex, difference: Difference) -> Verdict:
        verdict = GUARD.run("finding-writer", self._judge, cell, difference, default=NOT_EXPLAINED)
        verdict = self._late(verdict, difference)
        notebook = self.trace.notebook
        told = verdict, cell, difference, notebook.leftovers, notebook.loaded
        return GUARD.run("finding-writer", quiet_if_told_elsewhere, *told, default=verdict)

    def _late(self, verdict: Verdict, difference: Difference) -> Verdict:
        """Look for a collective that an earlier cell started."""
        found = verdict, self._started, difference, self.places
        return GUARD.run("finding-writer", blame_late_collective, *found, default=verdict)

    @cached_property
    def _started(self) -> OpenCollectives:
        return OpenCollectives(self.trace.notebook.collectives, self.places.watched)

    def _judge(self, cell: CellIndex, difference: Difference) -> Verdict:
        """Attribute a change to the cell, to one that ran beside it, or to another thread."""
        verdict = find_cause(cell, difference)
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
        return sum([row.before is not None and row.after is not None for row in found.rows])
    return sum(one.before is not None and one.after is not None for one, _ in found)
