"""The changes of a cell that has not run whose cause is certain: they need no search for a writer."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from ..blame.site_order import order_sites
from ..blame.verdict import SILENT
from ..records.report_parts import Cause, Change, Site
from ..statements.exchanged_names import exchanged_names
from ..statements.statement import Statement, parse_statements
from ..statements.told_by_text import mentions
from ..statements.writes.write_target import key_names
from ..syntax.magic_calls import runs_magic
from ..syntax.statement_text import words_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..records.path import AccessPath
    from ..records.reading import Reading
    from ..records.trace.evidence import Position
    from .known_state import KnownState
    from .run.abstract_run import AbstractRun
    from .snapshot_afterwards import Afterwards, LaterEntry
    from .values.abstract_memory import AbstractWrite


class SettledChanges:
    """Settles the changes of what statements write by name, or reach through shared memory or a call that names it.

    Parameters
    ----------
    site_of
        Returns the statement at a position, and the line inside a function.
    """

    def __init__(
        self, run: AbstractRun, known: KnownState, after: Afterwards, site_of: Callable[[Position], Site | None]
    ) -> None:
        self._run, self._known, self._after, self._site_of = run, known, after, site_of
        self._causes: dict[AccessPath, Cause | None] = {}
        self._writes: dict[AccessPath, list[AbstractWrite]] = {}
        self._through: dict[AbstractWrite, tuple[str, ...]] = {}

    def note(self, write: AbstractWrite, path: AccessPath, reading: Reading, near: Sequence[LaterEntry]) -> None:
        """Note that a write changes a path; `near` are the paths that share bytes with what it writes."""
        cause = self._cause_of(write, path, reading, near)
        known = self._causes.setdefault(path, cause)
        is_named = "direct" in (cause, known) and self._after.lasts(str(path))  # then its other writes are expected
        self._causes[path] = "direct" if is_named else cause if cause == known else None
        self._writes.setdefault(path, []).append(write)

    @property
    def changes(self) -> Mapping[str, Change]:
        """The changes, by their paths."""
        return {str(path): self._change_of(path, cause) for path, cause in self._causes.items() if cause is not None}

    def _change_of(self, path: AccessPath, cause: Cause) -> Change:
        writes = self._writes[path]
        via = dict.fromkeys(name for write in writes for name in self._via(write)) if cause == "alias" else ()
        places = map(self._site_of, dict.fromkeys(write.position for write in writes))
        ordered = order_sites([(cause, [one for one in places if one is not None])], cause, path, via)
        return Change(
            path=str(path), kind="mutated", cause=cause, silent=cause in SILENT, via=tuple(via), sites=ordered
        )

    def _via(self, write: AbstractWrite) -> tuple[str, ...]:
        if write not in self._through:
            self._through[write] = tuple(self._paths_through(write))
        return self._through[write]

    def _paths_through(self, write: AbstractWrite) -> Iterator[str]:
        """Yield the paths through which a write goes: the written tensor's own, or those that the statement names."""
        is_own = bool(write.by) or write.position.place is not None
        statement = self._run.statement_at(write.position)
        targets = [one.path for one in statement.targets] if statement and not is_own else []
        made = statement.binds if statement and not write.by else ()
        for path, reading in self._after.beside(write.reading):
            named = any(one.leads_to(path) or path.leads_to(one) for one in targets)
            if named or (is_own and reading.object == write.reading.object and path.root not in made):
                yield str(path)

    def _cause_of(
        self, write: AbstractWrite, path: AccessPath, reading: Reading, near: Sequence[LaterEntry]
    ) -> Cause | None:
        """Return the cause of a change; None if it is not certain.

        It is where the statement itself writes, or a step or a module, and the path is neither a parameter, a gradient
        nor an attribute, and is the target of the statement, or else neither named in it nor written by name elsewhere.
        """
        if reading.requires_grad or reading.kind not in ("tensor", "ndarray") or path.root in self._unclear:
            return None
        if path.root in self._run.leftovers((path.root,)):
            return None
        if not all(step.startswith("[") for step in path.steps) or write.by == "backward":
            return None
        statement = self._run.statement_at(write.position)
        if statement is None or (not write.by and (statement.elements or runs_magic(statement.text))):
            return None
        if any(key_names(one.path) for one in statement.targets):  # as in `xs[i] += 1`
            return None
        if path.root in self._named:
            return "direct" if _writes_by_name(statement, write, path, reading) else None
        if not write.by and write.position.place is not None:
            return self._cause_of_call(statement, write, path, near)
        return None if path.root in _words(statement.text) else "alias"

    def _cause_of_call(
        self, statement: Statement, write: AbstractWrite, path: AccessPath, near: Sequence[LaterEntry]
    ) -> Cause | None:
        """Return the cause of a change by a function: of a variable, where one variable there is handed over."""
        alike = self._known.parameter_shapes
        if any(one.steps or reading.shape in alike or reading.requires_grad for one, reading in near):
            return None
        there = [(one, reading) for one, reading in near if one.root not in statement.binds]
        own = [one for one, reading in there if reading.object == write.reading.object]
        named = [one for one, _ in there if mentions(statement, one)]
        owners = {one.owner.root for one in statement.methods}
        if len(own) != 1 or named != own or not owners.isdisjoint(one.root for one, _ in near):
            return None
        if path == own[0]:
            return None if path.root in statement.binds or not statement.calls else "call"
        return None if path.root in _words(statement.text) else "alias"

    @cached_property
    def _named(self) -> frozenset[str]:
        """The variables of which a path is written by name."""
        return frozenset([target.path.root for one in parse_statements(self._run.source) for target in one.targets])

    @cached_property
    def _unclear(self) -> frozenset[str]:
        """The variables of which a path can be reached in two ways, and those that the cell exchanges."""
        ways = frozenset(one.target_root for one in self._known.snapshot.several_ways)
        return ways.union(*(exchanged_names(one.text) for one in parse_statements(self._run.source)))


def _writes_by_name(statement: Statement, write: AbstractWrite, path: AccessPath, reading: Reading) -> bool:
    """Return whether a statement itself writes to a path that it spells, or to a part of its tensor."""
    if write.by or write.position.place is not None or write.reading.storage != reading.storage:
        return False
    return any(one.kind != "metadata" and not one.below and path.leads_to(one.path) for one in statement.targets)


@lru_cache(maxsize=256)
def _words(text: str) -> frozenset[str]:
    return frozenset(words_in(text))
