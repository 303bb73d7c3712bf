"""The state of a front end, and the message that updates it."""

from __future__ import annotations

from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from ..core.memory.alias_groups import Grouping, home_of
from ..core.runtime.record import field, record
from ..render.report import SCHEMA_VERSION, Report
from ..render.wording.changes.fold_changes import most_telling
from .change_lines import tell_changes
from .compact import TENSOR_FIELDS, compact, tensor_row
from .hazards import tell_hazards
from .list_splices import Splice, dropped, splices

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from ..core.hazards.hazard import Hazard
    from ..core.records.reading import Reading
    from ..core.records.report_parts import AliasGroup, Cell, Change, Coverage, Unverified
    from ..core.records.snapshots.snapshot import Entry
    from .past_cells import PastCell


MAX_CHANGES = 1000
"""Maximum number of changes sent per cell, silent ones first."""


@record(eq=False)
class State:
    """The lists that a front end holds; each is sent as a difference from its previous state."""

    entries: Sequence[Entry] = ()
    grouping: Grouping = field(default_factory=Grouping)
    unverified: Sequence[Unverified] = ()
    past: Sequence[PastCell] = ()

    def follow(self, report: Report, past: Sequence[PastCell]) -> tuple[State, dict[str, Any]]:
        """Return the next state, and the splices of each list as JSON."""
        entries = tuple(report.snapshot.entries())
        edits = splices(self.entries, entries, key=itemgetter(0))
        after = State(
            entries=entries,
            grouping=self._regroup(entries, edits),
            unverified=report.coverage.unverified,
            past=past,
        )
        return after, {
            "tensors": _put(edits, lambda entry: tensor_row(*entry)),
            "groups": _put(splices(self.grouping.groups, after.grouping.groups, key=_first_member), compact),
            "unverified": _put(splices(self.unverified, after.unverified, key=lambda one: one.path), compact),
            "past": _put(splices(self.past, past, key=id), _timeline),
        }

    def _regroup(self, entries: Sequence[Entry], edits: Sequence[Splice]) -> Grouping:
        """Return the grouping, updated only for tensors that came, went or moved: most cells only write."""
        homes = {home_of(reading) for reading in self._moved(edits)}
        return self.grouping.update(entries, homes) if homes else self.grouping

    def _moved(self, edits: Sequence[Splice]) -> Iterator[Reading]:
        """Yield old and new readings of entries that moved in the list or in memory."""
        for old, (_, _, new) in zip(dropped(self.entries, edits), edits, strict=True):
            if [path for path, _ in old] != [path for path, _ in new]:
                yield from (reading for _, reading in (*old, *new))
            else:
                both = ((was, now) for (_, was), (_, now) in zip(old, new, strict=True) if _lies(was) != _lies(now))
                yield from chain.from_iterable(both)


def describe(report: Report, cell_id: str | None, hushed: Collection[str]) -> dict[str, Any]:
    """Return a report as JSON, without its lists."""
    coverage, ordered = report.coverage, most_telling(report.changes)
    return {
        "schema": SCHEMA_VERSION,
        "fields": TENSOR_FIELDS,
        "cell": tell_cell(report.cell, cell_id),
        "changes": compact(ordered[:MAX_CHANGES]),
        "coverage": _tell_coverage(coverage),
        **_tell_lines(ordered, report.hazards),
        **tell_hazards(report.turns, report.hazards, hushed, report.silent),
    }


def _tell_coverage(coverage: Coverage) -> dict[str, Any]:
    """Return how much was compared, in tensors and bytes; the list of what was not is sent apart."""
    return {
        "tensors": coverage.tensors,
        "bytes": coverage.bytes,
        "verified_bytes": coverage.verified_bytes,
        "curtailed": list(coverage.curtailed[:MAX_CHANGES]),
    }


def _tell_lines(ordered: Sequence[Change], hazards: Sequence[Hazard]) -> dict[str, Any]:
    """Return the changes of a cell, folded into lines, and the number left out."""
    return {"lines": tell_changes(ordered[:MAX_CHANGES], hazards), "left_out": max(0, len(ordered) - MAX_CHANGES)}


def tell_cell(cell: Cell, cell_id: str | None) -> dict[str, Any]:
    """Return a cell as JSON, without its source, which the notebook has."""
    told = {"count": cell.count, "id": cell_id, "status": cell.status}
    return told | {"duration": cell.duration, "overhead": cell.overhead}


def tell_past(one: PastCell | None, hushed: Collection[str]) -> dict[str, Any] | None:
    """Return an earlier cell with its changes and hazards; None if it is not kept."""
    if one is None:
        return None
    lines = _tell_lines(most_telling(one.changes), [turn.hazard for turn in one.turns])
    return {"cell": tell_cell(one.cell, one.id), **lines, **tell_hazards(one.turns, (), hushed, one.changes)}


def _timeline(one: PastCell) -> dict[str, Any]:
    return {"count": one.cell.count, "id": one.id, "status": one.cell.status, "marks": one.marks}


def _put(edits: Iterable[Splice], write: Callable[[Any], Any]) -> list[Splice]:
    return [Splice(at, drop, [write(item) for item in put]) for at, drop, put in edits]


def _first_member(group: AliasGroup) -> str:
    return group.members[0]


def _lies(reading: Reading) -> object:
    """Return what its relations to other tensors depend on: object, storage, address and layout."""
    return (reading.object, home_of(reading), reading.data_ptr, reading.low, reading.layout)
