"""What a front end knows, and the message that brings it up to date."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from ..core.memory.alias_groups import Grouping, home_of
from ..render.report import SCHEMA_VERSION
from ..render.wording.order import most_telling
from .compact import TENSOR_FIELDS, compact, tensor_row
from .hazards import tell_hazards
from .splice import Splice, dropped, splices
from .telling import tell_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ..core.model.reading import Reading
    from ..core.model.records import AliasGroup, Cell, Change, Coverage, Unverified
    from ..core.model.snapshot import Entry
    from ..render.report import Report
    from .past import PastCell


MAX_CHANGES = 1000
"""How many changes of one cell are sent, the silent ones before the others."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """The lists that a front end holds; each is sent as its difference from the one before."""

    entries: Sequence[Entry] = ()
    grouping: Grouping = field(default_factory=Grouping)
    unverified: Sequence[Unverified] = ()
    past: Sequence[PastCell] = ()

    def follow(self, report: Report, past: Sequence[PastCell]) -> tuple[State, dict[str, Any]]:
        """Bring the lists up to date, and tell what changed in them."""
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
        """Group what came, went, or lies elsewhere; most cells only write."""
        homes = {home_of(reading) for reading in self._moved(edits)}
        return self.grouping.update(entries, homes) if homes else self.grouping

    def _moved(self, edits: Sequence[Splice]) -> Iterator[Reading]:
        """Go through the readings, old and new, of entries that have another place in the list or in memory."""
        for old, (_, _, new) in zip(dropped(self.entries, edits), edits, strict=True):
            if [path for path, _ in old] != [path for path, _ in new]:
                yield from (reading for _, reading in (*old, *new))
            else:
                both = ((was, now) for (_, was), (_, now) in zip(old, new, strict=True) if _lies(was) != _lies(now))
                yield from chain.from_iterable(both)


def describe(report: Report, cell_id: str | None) -> dict[str, Any]:
    """Tell what the cell did: all of a report but its lists."""
    coverage, ordered = report.coverage, most_telling(report.changes)
    return {
        "schema": SCHEMA_VERSION,
        "fields": TENSOR_FIELDS,
        "cell": tell_cell(report.cell, cell_id),
        "changes": compact(ordered[:MAX_CHANGES]),
        "coverage": _tell_coverage(coverage),
        **_tell_lines(ordered),
        **tell_hazards(report.turns, report.hazards),
    }


def _tell_coverage(coverage: Coverage) -> dict[str, Any]:
    """Tell how much was compared; what was not is sent as a list."""
    return {
        "tensors": coverage.tensors,
        "bytes": coverage.bytes,
        "verified_bytes": coverage.verified_bytes,
        "curtailed": list(coverage.curtailed[:MAX_CHANGES]),
    }


def _tell_lines(ordered: Sequence[Change]) -> dict[str, Any]:
    """Tell what a cell did line by line."""
    return {"lines": tell_changes(ordered[:MAX_CHANGES]), "left_out": max(0, len(ordered) - MAX_CHANGES)}


def tell_cell(cell: Cell, cell_id: str | None) -> dict[str, Any]:
    """Tell of a cell what is shown of it; its source stands in the notebook."""
    told = {"count": cell.count, "id": cell_id, "status": cell.status}
    return told | {"duration": cell.duration, "overhead": cell.overhead}


def tell_past(one: PastCell | None) -> dict[str, Any] | None:
    """Tell what a cell of the past did."""
    if one is None:
        return None
    return {"cell": tell_cell(one.cell, one.id), **_tell_lines(most_telling(one.changes)), **tell_hazards(one.turns)}


def _timeline(one: PastCell) -> dict[str, Any]:
    return {"count": one.cell.count, "id": one.id, "status": one.cell.status, "marks": one.marks}


def _put(edits: Iterable[Splice], write: Callable[[Any], Any]) -> list[Splice]:
    return [Splice(at, drop, [write(item) for item in put]) for at, drop, put in edits]


def _first_member(group: AliasGroup) -> str:
    return group.members[0]


def _lies(reading: Reading) -> object:
    """Tell where a tensor lies, to see whether its relation to others may have changed."""
    return (reading.object, home_of(reading), reading.data_ptr, reading.low, reading.layout)
