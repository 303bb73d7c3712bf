"""Settle expected changes in bulk, without a verdict for each tensor.

These are an optimizer step over its parameters and state, the gradients of a backward, and the buffers of a called
module. If every statement that may have written has the same cause, the cause is certain and no line is searched.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from ...records.snapshots.differences import Differences
from ...statements.told_by_text import runs_backward
from ..evidence.module_calls import calls_for_certain, calls_in_text
from .naming_statements import NamingStatements

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from ...records.path import AccessPath
    from ...records.reading import Reading
    from ...records.report_parts import Cause
    from ...records.snapshots.difference import Content, Difference
    from ...records.snapshots.differences import Column, Found
    from ...records.snapshots.snapshot import RootSnapshot
    from ...records.trace.evidence import OptimizerStep, Position
    from ..evidence.cell_index import CellIndex
    from .naming_statements import Statements


class _Steps:
    """Some steps of optimizers.

    Attributes
    ----------
    storages
        All that they held.
    only
        The steps as one, with all these storages, if they are of one optimizer; else None.
    """

    def __init__(self, steps: Sequence[OptimizerStep]) -> None:
        self.statements = frozenset(one.statement for one in steps)
        self.storages = frozenset[int]().union(*(one.storages for one in steps))
        is_one = len({(one.paths, one.parameters) for one in steps}) == 1
        self.only = replace(steps[0], storages=self.storages) if is_one else None


class ExpectedWrites:
    """Finds the mutations of one cell whose only possible cause is `optimizer`, `backward` or `module`."""

    def __init__(self, cell: CellIndex, found: Sequence[Found]) -> None:
        self._cell, self._evidence = cell, cell.evidence
        self._found = found
        self._naming = NamingStatements(cell)
        self._able: dict[frozenset[Position], Statements] = {}
        self._behind: dict[RootSnapshot, bool] = {}
        self._stepping: dict[tuple[Statements, _Steps], bool] = {}

    def classes(self, known: Mapping[int, Cause] = MappingProxyType({})) -> dict[int, Cause | None]:
        """Return the mutated rows, each with its only possible cause; None if there are several.

        Parameters
        ----------
        known
            Rows whose cause is known without the notebook.
        """
        found = self._found
        if isinstance(found, Differences):
            rows = found.is_mutated.nonzero()[0]
            stepped = self._rows_of_only_step(found, rows)
            classes: dict[int, Cause | None] = dict.fromkeys(stepped, "optimizer")
            classes.update(known)
            for row in rows.tolist():
                _, _, before, after = found.rows[row]
                if row not in classes and before and after:
                    classes[row] = self._class_of(row, before, after)
            return classes
        several = ((row, one.before, one.after) for row, (one, content) in enumerate(found) if is_mutated(one, content))
        return {
            row: known[row] if row in known else self._class_of(row, before, after)
            for row, before, after in several
            if before and after
        }

    def _rows_of_only_step(self, found: Differences, rows: Column) -> set[int]:
        """Return the rows written by an optimizer, if its step is all that can have written."""
        evidence, steps = self._evidence, _Steps(self._evidence.steps)
        step = steps.only
        if step is None or len(self._every) != 1 or not steps.statements <= {None, *self._every}:
            return set()
        if evidence.recorded or evidence.moves or found.moved or self._naming.exact:
            return set()
        here = rows[np.isin(found.storages[rows], [*step.storages])]
        is_held = np.isin(found.objects[here], [*step.parameters])
        rest = {*here[~is_held].tolist()}  # of those that are parameters, some may only follow one that is held
        behind = {scene for scene in {found.rows[row].scene for row in rest} if self._leads_behind(scene, step)}
        tell = [row for row in rest if found.rows[row].scene not in behind]
        told = {*here.tolist()}.difference([row for row in tell if not self._is_behind(step, row)])
        if not told or self._cell.calling.isdisjoint(self._every):
            return told
        return told.difference(here[np.isin(found.storages[here], [*self._shared])].tolist())

    def _class_of(self, row: int, before: Reading, after: Reading) -> Cause | None:
        if before.storage != after.storage or self._evidence.recorded or after.object in self._evidence.moves:
            return None
        suspects = self._suspects(after)
        if not suspects or (self._naming.exact and str(self._path(row)) in self._naming.exact):
            return None
        steps = self._steps.get(after.storage)
        if steps:
            return "optimizer" if all(self._are_steps(one, steps, after, row) for one in suspects) else None
        path = self._path(row)
        if path.is_grad:
            is_it = not after.requires_grad and all(self._is_by_backward(one, after.storage) for one in suspects)
            return "backward" if is_it else None
        paths = self._paths_of_module(after, path) if after.kind == "buffer" else ()
        is_it = bool(paths) and all(self._is_by_calls(one, after.storage, paths) for one in suspects)
        return "module" if is_it else None

    def _path(self, row: int) -> AccessPath:
        found = self._found
        return found.path(row) if isinstance(found, Differences) else found[row][0].path

    def _suspects(self, reading: Reading) -> Collection[Statements]:
        """Return sets of statements, one of which wrote; empty if that depends on which bytes differ."""
        every = self._every
        if len(every) <= 1:
            return [every] if every else []
        writes = self._evidence.writes.get(reading.storage)
        if writes is None:
            return [every]
        found = [self._able_at(one.positions) for one in writes]
        is_dense = reading.is_dense
        for write, able in zip(writes, found, strict=True):
            start, end = reading.low - write.low, reading.high - write.low
            if able and (write.mask is None or (is_dense and start <= 0 and end >= len(write.mask))):
                return [one for one in found if one]
        return []

    @cached_property
    def _every(self) -> Statements:
        cell = self._cell
        return (self._evidence.ran or frozenset(cell.numbered)) & cell.able

    def _able_at(self, positions: frozenset[Position]) -> Statements:
        if positions not in self._able:
            self._able[positions] = frozenset([one.statement for one in positions]) & self._cell.able
        return self._able[positions]

    @cached_property
    def _steps(self) -> Mapping[int, _Steps]:
        """The optimizers' steps by the storages of what they hold."""
        numbers: dict[int, tuple[int, ...]] = {}
        for number, step in enumerate(self._evidence.steps):
            for storage in step.storages:
                numbers[storage] = (*numbers.get(storage, ()), number)
        alike = {several: _Steps([self._evidence.steps[one] for one in several]) for several in {*numbers.values()}}
        return {storage: alike[several] for storage, several in numbers.items()}

    def _are_steps(self, ran: Statements, steps: _Steps, reading: Reading, row: int) -> bool:
        """Return whether some statements are steps that own the tensor, and no other statement names it as written."""
        if (ran, steps) not in self._stepping:
            stepping = ran if None in steps.statements else ran & steps.statements
            is_alone = bool(stepping) and (ran - stepping).isdisjoint(self._naming.among(steps.storages))
            self._stepping[ran, steps] = is_alone and self._are_kept_from(steps.storages, ran - stepping)
        if not self._stepping[ran, steps]:
            return False
        if reading.storage in self._shared and not self._cell.calling.isdisjoint(ran):
            return False
        if reading.kind == "parameter" and not self._may_follow(reading):
            return True
        only = steps.only  # no other step can have written this memory
        return only is not None and (reading.object in only.parameters or self._is_behind(only, row))

    @cached_property
    def _shared(self) -> frozenset[int]:
        """The storages of what optimizers hold over which lie several tensor objects."""
        held, objects, found = {*self._steps}, dict[int, int](), set[int]()
        for scene in self._cell.places.snapshot.scenes.values():
            for one in scene.readings:
                if one.storage in held and objects.setdefault(one.storage, one.object) != one.object:
                    found.add(one.storage)
        return frozenset(found)

    def _may_follow(self, reading: Reading) -> bool:
        """Return whether a parameter is held by no optimizer that stepped, but another over its storage is."""
        held = frozenset[int]().union(*(one.parameters for one in self._evidence.steps))
        beside = () if reading.object in held else self._cell.places.in_storage(reading.storage)
        return any(one.object in held for _, one in beside)

    def _are_kept_from(self, storages: AbstractSet[int], others: Statements) -> bool:
        """Return whether no function that some statements call names what lies in some storages as written."""
        calling = others & self._cell.calling
        return all(storages.isdisjoint(self._cell.storages_named_in(index)) for index in calling)

    def _is_behind(self, step: OptimizerStep, row: int) -> bool:
        """Return whether a path goes through the step's optimizer."""
        if isinstance(self._found, Differences) and self._leads_behind(self._found.rows[row].scene, step):
            return True
        return str(self._path(row)).startswith(tuple(step.paths))

    def _leads_behind(self, scene: RootSnapshot, step: OptimizerStep) -> bool:
        """Return whether every path of a scene goes through the step's optimizer."""
        if scene not in self._behind:
            self._behind[scene] = _lies_behind(scene, step.paths)
        return self._behind[scene]

    def _is_by_backward(self, ran: Statements, storage: int) -> bool:
        """Return whether one of these statements certainly computed or cleared gradients, and no other names them."""
        numbered = self._cell.numbered
        certain = frozenset(one for one in ran if runs_backward(numbered[one]))
        certain = certain or frozenset(one for one in ran if self._cell.effects_of(numbered[one]).backward)
        is_named = not ran.isdisjoint(self._naming.at(storage))
        return bool(certain) and not is_named and self._are_kept_from({storage}, ran - certain)

    def _is_by_calls(self, ran: Statements, storage: int, paths: Sequence[AccessPath]) -> bool:
        """Return whether one of these statements certainly calls a buffer's module, and no other names the buffer."""
        numbered = self._cell.numbered
        calling = frozenset(one for one in ran if calls_in_text(self._cell, numbered[one], paths))
        certain = calling or frozenset(one for one in ran if calls_for_certain(self._cell, numbered[one], paths))
        others = ran - (certain - (calling & self._cell.naming_functions))  # in `net(f(x))`, `f` may have written
        naming = self._naming.of_values_at(storage)
        return bool(certain) and ran.isdisjoint(naming) and self._are_kept_from({storage}, others)

    def _paths_of_module(self, reading: Reading, path: AccessPath) -> tuple[AccessPath, ...]:
        """Return a path, and those over other variables that lead to a buffer through the same module; else none."""
        places = self._cell.places
        others = [entry for entry in places.in_storage(reading.storage) if entry[0].root != path.root]
        are_one = all(one.kind == "buffer" and places.is_one_module(path, other) for other, one in others)
        return (path, *(other for other, _ in others)) if are_one else ()


def _lies_behind(scene: RootSnapshot, paths: Collection[str]) -> bool:
    """Return whether every path of a scene starts with one of these paths."""
    outline = scene.outline
    roots = [step for parent, step in outline.nodes if parent < 0]
    return all(run.style != "name" for run in outline.runs) and all(root.startswith(tuple(paths)) for root in roots)


def is_mutated(difference: Difference, content: Content) -> bool:
    """Return whether a path leads to the same tensor with other bytes."""
    return bool(content.changed) and difference.is_same_object
