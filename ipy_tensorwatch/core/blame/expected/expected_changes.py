"""Settle expected changes in bulk, without a verdict for each tensor.

These are an optimizer step over its parameters and state, the gradients of a backward, and the buffers of a called
module. If every statement that may have written has the same cause, the cause is certain and no line is searched.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ...records.snapshots.differences import Differences
from ...statements.told_by_text import runs_backward
from ..evidence.module_calls import calls_for_certain

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ...records.path import AccessPath
    from ...records.reading import Reading
    from ...records.report_parts import Cause
    from ...records.snapshots.difference import Content, Difference
    from ...records.snapshots.differences import Column, Found
    from ...records.snapshots.snapshot import RootSnapshot
    from ...records.trace.evidence import OptimizerStep, Position
    from ..evidence.cell_index import CellIndex

    Statements = frozenset[int]


class ExpectedWrites:
    """Finds the mutations of one cell whose only possible cause is `optimizer`, `backward` or `module`."""

    def __init__(self, cell: CellIndex, found: Sequence[Found]) -> None:
        self._cell, self._evidence = cell, cell.evidence
        self._found = found
        self._backs: dict[int, bool] = {}
        self._able: dict[frozenset[Position], Statements] = {}
        self._behind: dict[RootSnapshot, bool] = {}
        self._stepping: dict[tuple[Statements, tuple[int, ...]], bool] = {}

    def classes(self) -> dict[int, Cause | None]:
        """Return the mutated rows, each with its only possible cause; None if there are several."""
        found = self._found
        if isinstance(found, Differences):
            rows = found.is_mutated.nonzero()[0]
            stepped = self._rows_of_only_step(found, rows)
            classes: dict[int, Cause | None] = dict.fromkeys(stepped, "optimizer")
            for row in rows.tolist():
                _, _, before, after = found.rows[row]
                if row not in stepped and before and after:
                    classes[row] = self._class_of(row, before, after)
            return classes
        several = ((row, one.before, one.after) for row, (one, content) in enumerate(found) if is_mutated(one, content))
        return {row: self._class_of(row, before, after) for row, before, after in several if before and after}

    def _rows_of_only_step(self, found: Differences, rows: Column) -> set[int]:
        """Return the rows written by an optimizer, if its step is all that can have written."""
        steps, evidence = self._evidence.steps, self._evidence
        if len(steps) != 1 or len(self._every) != 1 or steps[0].statement not in (None, *self._every):
            return set()
        if evidence.recorded or evidence.moves or found.moved or self._exact:
            return set()
        here = rows[np.isin(found.storages[rows], [*steps[0].storages])]
        is_held = np.isin(found.objects[here], [*steps[0].parameters])
        rest = {*here[~is_held].tolist()}  # of those that are parameters, some may only follow one that is held
        behind = {scene for scene in {found.rows[row].scene for row in rest} if self._leads_behind(scene, steps[0])}
        tell = [row for row in rest if found.rows[row].scene not in behind]
        told = {*here.tolist()}.difference([row for row in tell if not self._is_behind(steps[0], row)])
        if not told or self._cell.calling.isdisjoint(self._every):
            return told
        return told.difference(here[np.isin(found.storages[here], [*self._shared])].tolist())

    def _class_of(self, row: int, before: Reading, after: Reading) -> Cause | None:
        if before.storage != after.storage or self._evidence.recorded or after.object in self._evidence.moves:
            return None
        suspects = self._suspects(after)
        if not suspects or (self._exact and str(self._path(row)) in self._exact):
            return None
        steps = self._steps.get(after.storage)
        if steps:
            return "optimizer" if all(self._are_steps(one, steps, after, row) for one in suspects) else None
        ran, path = frozenset[int]().union(*suspects), self._path(row)
        if not self._naming.isdisjoint(ran):
            return None
        if path.is_grad:
            return "backward" if not after.requires_grad and all(map(self._back, ran)) else None
        return "module" if after.kind == "buffer" and self._is_called(after, path, ran) else None

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
    def _naming(self) -> Statements:
        """The statements that name any path as written."""
        return frozenset(index for index in self._cell.able if self._cell.numbered[index].targets)

    @cached_property
    def _exact(self) -> frozenset[str]:
        """The paths that statements name as written."""
        named = (self._cell.named_by(self._cell.numbered[index]).exact for index in self._naming)
        return frozenset[str]().union(*named)

    @cached_property
    def _steps(self) -> Mapping[int, list[OptimizerStep]]:
        """The optimizers' steps by the storages of what they hold."""
        found: dict[int, list[OptimizerStep]] = {}
        for step in self._evidence.steps:
            for storage in step.storages:
                found.setdefault(storage, []).append(step)
        return found

    def _are_steps(self, ran: Statements, steps: list[OptimizerStep], reading: Reading, row: int) -> bool:
        """Return whether some statements are steps that own the tensor, and no other statement names it as written."""
        key = ran, tuple(map(id, steps))
        if key not in self._stepping:
            known = {one.statement for one in steps}
            stepping = ran if None in known else ran & known
            others = ran - stepping
            is_one = bool(stepping) and not any(map(self._names_values, others & self._naming))
            self._stepping[key] = is_one and self._are_kept_from(steps[0], others)
        is_one = self._stepping[key]
        if is_one and not self._cell.calling.isdisjoint(ran) and reading.storage in self._shared:
            return False
        if not is_one or (reading.kind == "parameter" and not self._may_follow(reading)):
            return is_one
        only = steps[0] if len(self._evidence.steps) == 1 else None  # no other step can have written this memory
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

    def _names_values(self, index: int) -> bool:
        """Return whether a statement names more than gradients as written."""
        return any(not one.grad for one in self._cell.numbered[index].targets)

    def _are_kept_from(self, step: OptimizerStep, others: Statements) -> bool:
        """Return whether no function that some statements call names what an optimizer holds as written."""
        return all(
            step.storages.isdisjoint(self._cell.storages_named_in(index)) for index in others & self._cell.calling
        )

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

    def _back(self, index: int) -> bool:
        """Return whether a statement certainly computed or cleared gradients."""
        if index not in self._backs:
            statement = self._cell.numbered[index]
            self._backs[index] = runs_backward(statement) or self._cell.effects_of(statement).backward
        return self._backs[index]

    def _is_called(self, reading: Reading, path: AccessPath, ran: Statements) -> bool:
        """Return whether a buffer is reached from one root only, and all statements that ran call its module."""
        entries = self._cell.places.in_storage(reading.storage)
        if any(one.root != path.root for one, _ in entries):
            return False
        return all(calls_for_certain(self._cell, self._cell.numbered[one], path) for one in ran)


def _lies_behind(scene: RootSnapshot, paths: Collection[str]) -> bool:
    """Return whether every path of a scene starts with one of these paths."""
    outline = scene.outline
    roots = [step for parent, step in outline.nodes if parent < 0]
    return all(run.style != "name" for run in outline.runs) and all(root.startswith(tuple(paths)) for root in roots)


def is_mutated(difference: Difference, content: Content) -> bool:
    """Return whether a path leads to the same tensor with other bytes."""
    return bool(content.changed) and difference.is_same_object
