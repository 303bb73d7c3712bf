"""Indexes over a cell's evidence: which statements may have written what."""

from __future__ import annotations

import ast
import re
from functools import cached_property
from typing import TYPE_CHECKING

from ..host.deadline import Deadline
from ..interpreter.trails import Trails
from ..statements.assigned_value import may_write_in
from ..statements.statement import parse_statements
from ..statements.target_matching import name_targets
from ..statements.write_calls import may_write
from ..syntax.cell_lines import Listing
from .detours import Detours
from .loop_writes import LoopWrites
from .statement_timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..interpreter.inferred_lines import Reached, Trail
    from ..model.cell_trace import CellTrace
    from ..model.evidence import Evidence
    from ..model.path import AccessPath
    from ..model.records import Inner, Place
    from ..statements.statement import Statement
    from ..statements.target_matching import Named
    from .snapshot_index import SnapshotIndex

_WORD = re.compile(r"\w+")


class CellIndex:
    """Indexes over one cell's evidence, each built on first use.

    Attributes
    ----------
    curtailed
        The paths whose cause was not searched to the end, because the deadline passed.
    """

    def __init__(self, evidence: Evidence, trace: CellTrace, places: SnapshotIndex) -> None:
        self.evidence, self.places, self._trace = evidence, places, trace
        self.curtailed: dict[str, None] = {}
        self._named: dict[int, Named] = {}
        self._lines: dict[Place, Inner | None] = {}

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """The cell's own statements."""
        return parse_statements(self.evidence.plain)

    @cached_property
    def numbered(self) -> Mapping[int, Statement]:
        """The statements by their index."""
        return {one.index: one for one in self.statements}

    @cached_property
    def timeline(self) -> Timeline:
        """When the statements ran."""
        return Timeline(self.evidence.plain, self.evidence.entered)

    @cached_property
    def able(self) -> frozenset[int]:
        """The statements that may run arbitrary code: `y = 1`, which cannot write a tensor, is excluded."""
        return frozenset(one.index for one in self.statements if may_write(one))

    def named_by(self, statement: Statement) -> Named:
        """Return what a statement names as written."""
        index = statement.index
        if index not in self._named:
            known = self.evidence.values.get(index) or ({},)
            self._named[index] = name_targets(statement, known, self.places.watched)
        return self._named[index]

    @cached_property
    def loops(self) -> LoopWrites:
        """What the statements write through loop variables."""
        return LoopWrites(self.evidence, self.places.watched)

    @cached_property
    def detours(self) -> Detours:
        """The statements that take a second way to a container."""
        return Detours(self.places.snapshot.ways)

    def sets(self, statement: Statement, path: AccessPath, others: frozenset[AccessPath]) -> bool:
        """Return whether a statement writes behind an object by assigning to it, as the setter of a property does."""
        owners = (*self.named_by(statement).owners, *self.loops.owners(statement))
        value = statement.value
        if value is None or path.is_grad or not any(one.leads_to(path) for one in owners):
            return False
        if may_write_in(value, path, self._trace.notebook.definitions):
            return False
        return not self.trail_of(ast.unparse(value)).narrow(path, others).candidates

    def reach(self, statement: Statement, path: AccessPath, others: frozenset[AccessPath]) -> Reached:
        """Return what a statement reaches inside the notebook's functions for a path."""
        reached = self.trail_of(statement).narrow(path, others)
        if reached.is_cut:
            self.curtailed[str(path)] = None
        return reached

    def trail_of(self, statement: Statement | str) -> Trail:
        """Return every write a statement reaches inside the notebook's functions."""
        return self._trails.of(statement)

    @cached_property
    def deadline(self) -> Deadline:
        """The deadline for a full explanation of the cell's changes, started on first use."""
        return Deadline.after(self._trace.seconds)

    @cached_property
    def _trails(self) -> Trails:
        return Trails(self._trace.notebook, cell=self.evidence.cell, source=self.evidence.plain, deadline=self.deadline)

    def line(self, place: Place) -> Inner | None:
        """Return the cell line behind a line of a file."""
        if place not in self._lines:
            self._lines[place] = self._listing.line(place)
        return self._lines[place]

    @cached_property
    def _listing(self) -> Listing:
        files = self._trace.files
        return Listing({name: one.cell for name, one in files.items()}, lambda name: files[name].text)

    def spelling(self, words: Iterable[str]) -> frozenset[int]:
        """Return the statements whose text contains one of these names, or that are led to them by a loop."""
        return frozenset[int]().union(*(self._words.get(word, ()) for word in words))

    @cached_property
    def _words(self) -> Mapping[str, set[int]]:
        found: dict[str, set[int]] = {}
        for one in self.statements:
            for word in {*_WORD.findall(one.text), *(element.target.path.root for element in one.elements)}:
                found.setdefault(word, set()).add(one.index)
        for root, targets in self.detours.roots.items():
            for target in targets:
                found.setdefault(target, set()).update(found.get(root, ()))
        return found

    def leading_to(self, objects: Iterable[int]) -> frozenset[int]:
        """Return the statements in which some name led to one of these tensors when they were entered."""
        return frozenset[int]().union(*(self._leading.get(one, ()) for one in objects))

    @cached_property
    def _leading(self) -> Mapping[int, set[int]]:
        found: dict[int, set[int]] = {}
        for index, names in self.evidence.targets.items():
            for serial in frozenset[int]().union(*names.values()):
                found.setdefault(serial, set()).add(index)
        return found
