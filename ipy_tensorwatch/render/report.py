"""The report of one cell: the interface between the watcher and every output."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from ..core.fixes.computed_again import change_behind, fix_afterwards, hazard_beside
from ..core.fixes.copy_where_taken import copied_where_taken
from ..core.fixes.derivation import FixContext
from ..core.fixes.replay import OF_GRADIENTS
from ..core.fixes.several_changes_fix import FoundFixes, fix_changes
from ..core.memory.alias_groups import group
from ..core.origins.origins import Origins
from ..core.records.path import AccessPath
from ..core.records.reason import BUDGET, Reason
from ..core.runtime.deadline import Deadline
from ..core.runtime.guard import GUARD
from ..core.runtime.record import field, record
from .wording.hazards.fix_sentences import remedy, title
from .wording.hazards.hazard_sentences import message
from .wording.not_compared import why
from .wording.quantities import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..core.blame.reasoning import Reasoning
    from ..core.hazards.fix import Fix
    from ..core.hazards.hazard import Hazard, Turn
    from ..core.records.report_parts import AliasGroup, Cell, Change, Coverage, OperatorWrite, TensorRecord
    from ..core.records.snapshots.snapshot import Snapshot

SCHEMA_VERSION = 1
FIX_SECONDS = 0.5
"""How long fixes of the silent changes of one report are looked for, in seconds of the processor."""


@record(eq=False, slots=False)
class Report:
    """What one cell did, and what shares memory after it.

    Attributes
    ----------
    reasoning
        The conclusions from the cell's trace, each computed on first access.
    hazards
        The hazard that the cell's error fulfilled, if any, then those that still stand.
    turns
        The hazards that began or ended with this cell.
    origins
        Where sharing began, as far as it was known when the cell had ended.
    sources
        The plain sources of the cells so far, by count.
    tried
        The fixes that trials left, by the silent change or by the key of the hazard; None if none of them mends it.
    """

    cell: Cell
    reasoning: Reasoning
    origins: Origins = field(default_factory=Origins)
    hazards: tuple[Hazard, ...] = ()
    turns: tuple[Turn, ...] = ()
    sources: Mapping[int, str] = field(default_factory=dict)
    tried: dict[Change | str, Fix | None] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Say what is in it, without looking for more than was looked for already."""
        told = count_of(len(self.reasoning.silent), "silent change"), count_of(len(self.hazards), "hazard")
        return f"<Report of cell {self.cell.count}: {', '.join(told)}; to_dict() has all of it>"

    @property
    def snapshot(self) -> Snapshot:
        """Every access path with its reading after the cell."""
        return self.reasoning.trace.after

    @property
    def writes(self) -> tuple[OperatorWrite, ...]:
        """The operators that wrote, in order; empty without `%%tensordiff`."""
        return self.reasoning.trace.writes

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """The changes, ordered by path as the variables were made."""
        return tuple(map(self._explain, self.reasoning.changes))

    @property
    def coverage(self) -> Coverage:
        """How much was compared, and for which changes the search for the cause ran out of time."""
        known = self.reasoning.trace.coverage
        return replace(known, curtailed=self.reasoning.curtailed) if self.changes else known

    @property
    def tensors(self) -> tuple[TensorRecord, ...]:
        """Every path that leads to a tensor or an array."""
        return self.snapshot.records

    @cached_property
    def groups(self) -> tuple[AliasGroup, ...]:
        """The alias groups: access paths that share a block of memory."""
        return group(self.snapshot.entries())

    @cached_property
    def silent(self) -> tuple[Change, ...]:
        """The changes that reading the cell does not announce: their cause is `call`, `alias` or `outside`."""
        return tuple(map(self._explain, self.reasoning.silent))

    @cached_property
    def _explain(self) -> Callable[[Change], Change]:
        """Explains each change once: the silent ones are among all changes."""
        return cache(self.origins.explain)

    @property
    def fix_context(self) -> FixContext:
        """What is known where fixes of the silent changes are looked for."""
        return FixContext(cell=self.cell.count, after=self.snapshot, cells=self.sources, origins=self.origins)

    @cached_property
    def found_fixes(self) -> FoundFixes:
        """What may mend the silent changes, and for which there was no time to look for it."""
        wanted = self.silent, self.fix_context, Deadline.after(FIX_SECONDS)
        return GUARD.run("finding-fix", fix_changes, *wanted, default=FoundFixes())

    @property
    def possible_fixes(self) -> Mapping[Change, Fix]:
        """What may mend the silent changes; those that nothing plain mends are left out."""
        return self.found_fixes.by_change

    @property
    def fixes(self) -> Mapping[Change, Fix]:
        """What mends the silent changes, as far as it was tried; what was tried in vain is left out."""
        return {one: fix for one in self.possible_fixes if (fix := self._as_tried(one)) is not None}

    def _as_tried(self, change: Change) -> Fix | None:
        known = None if change in self.found_fixes.guesses else self.possible_fixes[change]
        return self.tried.get(change, known)

    @cached_property
    def _mendable(self) -> Mapping[str, Change]:
        """The silent changes that a fix may mend, by path."""
        return {one.path: one for one in self.possible_fixes}

    def fix_of(self, hazard: Hazard) -> Fix:
        """Return the fix of a hazard, with the edits that the sources of all cells allow, as far as it was tried."""
        fix = GUARD.run("finding-fix", fix_afterwards, hazard, self.snapshot, self.sources, default=hazard.fix)
        beside = None if fix.edits else hazard_beside(hazard, self.hazards)
        if beside is not None:
            return self.fix_of(beside)
        explained = change_behind(hazard, fix, self._mendable)
        if explained is not None:
            return self._as_tried(explained) or fix
        if fix.kind == "deep-copy":
            fix = GUARD.run("finding-fix", copied_where_taken, hazard, self.fix_context, default=fix)
        return self.tried.get(hazard.key, fix) or replace(fix, applicability="display", edits=())

    @property
    def begun(self) -> tuple[Hazard, ...]:
        """The hazards that began with this cell."""
        return tuple(turn.hazard for turn in self.turns if turn.why is None)

    @cached_property
    def by_path(self) -> Mapping[str, Change]:
        """The changes by path; the last one if a path has several."""
        return {change.path: change for change in self.changes}

    @cached_property
    def not_compared(self) -> frozenset[str]:
        """The paths whose bytes were not compared, for any reason."""
        return frozenset(one.path for one in self.reasoning.trace.coverage.unverified)

    @property
    def skipped(self) -> tuple[str, ...]:
        """The paths whose bytes were not compared because the time budget was spent."""
        return tuple(one.path for one in self.reasoning.trace.coverage.unverified if one.why == BUDGET)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values; the JSON Schema fixes its keys.

        Returns
        -------
        dict
            `schema`, `cell`, `tensors`, `groups`, `changes`, `hazards`, `coverage` and `writes`.
        """
        fixes = self.fixes
        return {
            "schema": SCHEMA_VERSION,
            "cell": plain(self.cell),
            "tensors": [plain(record) for record in self.tensors],
            "groups": [plain(replace(one, origins=self.origins.of_group(one))) for one in self.groups],
            "changes": [_change_dict(change, fixes.get(change)) for change in self.changes],
            "hazards": [hazard_dict(hazard, self.fix_of(hazard)) for hazard in self.hazards],
            "coverage": plain(self.coverage),
            "writes": [plain(write) for write in self.writes],
        }


def _change_dict(change: Change, fix: Fix | None) -> dict[str, Any]:
    return {**plain(change), "fix": fix and fix_dict(fix)}


def hazard_dict(hazard: Hazard, fix: Fix | None = None) -> dict[str, Any]:
    """Return a hazard as plain JSON values, its message and remedy as text."""
    told = {
        "code": hazard.code,
        "outcome": hazard.outcome,
        "paths": hazard.paths,
        "op": hazard.op,
        "message": message(hazard).marked,
        "remedy": remedy(fix if fix and fix.edits and hazard.code in OF_GRADIENTS else hazard.fix).marked,
        "fix": fix_dict(fix or hazard.fix),
        "saved_at": hazard.saved_at,
        "written_at": hazard.written_at,
        "saved_cell": hazard.saved_cell,
        "written_cell": hazard.written_cell,
        "node": hazard.node,
        "happened": hazard.happened,
    }
    return {name: plain(value) for name, value in told.items()}


def fix_dict(fix: Fix) -> dict[str, Any]:
    """Return a fix as plain JSON values."""
    return {"title": title(fix).marked, "applicability": fix.applicability, "edits": plain(fix.edits)}


def plain(value: Any) -> Any:  # noqa: ANN401
    """Convert records to dicts, tuples to lists, and access paths and reasons to text.

    Examples
    --------
    >>> plain((AccessPath("x", ("[0]",)), 1))
    ['x[0]', 1]
    """
    if isinstance(value, AccessPath):
        return str(value)
    if isinstance(value, Reason):
        return why(value)
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    return value
