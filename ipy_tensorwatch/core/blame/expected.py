"""Settle as classes what a cell was expected to change, without a verdict for each tensor.

An optimizer's step over its parameters and state, the gradients of a backward, the buffers of a called module: where
every statement that can have written has that one cause, it is certain before anybody looks for the line.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ..statements.write_calls import runs_backward

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..model.diff import Difference
    from ..model.evidence import OptimizerStep, Position
    from ..model.path import AccessPath
    from ..model.reading import Reading
    from ..model.records import Cause
    from .cell_index import CellIndex

    Statements = frozenset[int]


class ExpectedWrites:
    """Tells the mutations of one cell whose cause is `optimizer`, `backward` or `module`, and no other."""

    def __init__(self, cell: CellIndex) -> None:
        self._cell, self._evidence = cell, cell.evidence
        self._backs: dict[int, bool] = {}
        self._able: dict[frozenset[Position], Statements] = {}

    def class_of(self, difference: Difference) -> Cause | None:
        """Name the one cause that a mutation is certain to have; None where it has to be looked at."""
        before, after, path = difference.before, difference.after, difference.path
        if before is None or after is None or self._evidence.recorded:
            return None
        if before.storage != after.storage or after.object in self._evidence.moves or str(path) in self._exact:
            return None
        suspects = self._suspects(after)
        if not suspects:
            return None
        steps = self._steps.get(after.storage)
        if steps:
            return "optimizer" if all(self._are_steps(one, steps, after, path) for one in suspects) else None
        ran = frozenset[int]().union(*suspects)
        if not self._naming.isdisjoint(ran):
            return None
        if path.is_grad:
            return "backward" if not after.requires_grad and all(map(self._back, ran)) else None
        return "module" if after.kind == "buffer" and self._is_called(after, path, ran) else None

    def _suspects(self, reading: Reading) -> Collection[Statements]:
        """Give sets of statements, one of which wrote; nothing where that depends on which bytes differ."""
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
        """The statements that name anything as written."""
        return frozenset(one.index for one in self._cell.statements if one.targets)

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

    def _are_steps(self, ran: Statements, steps: list[OptimizerStep], reading: Reading, path: AccessPath) -> bool:
        """Tell whether some of the statements are steps that own a tensor, and no other one names what it writes."""
        stepping = frozenset(index for index in ran if any(one.statement in (None, index) for one in steps))
        if not stepping or not self._naming.isdisjoint(ran - stepping):
            return False
        if reading.kind == "parameter":
            return True
        is_only = len(self._evidence.steps) == len(steps) == 1  # no other step can have met this memory elsewhere
        return is_only and (reading.object in steps[0].parameters or any(map(str(path).startswith, steps[0].paths)))

    def _back(self, index: int) -> bool:
        """Tell a statement that is certain to have computed or cleared gradients."""
        if index not in self._backs:
            statement = self._cell.numbered[index]
            self._backs[index] = runs_backward(statement) or self._cell.trail_of(statement).backward
        return self._backs[index]

    def _is_called(self, reading: Reading, path: AccessPath, ran: Statements) -> bool:
        """Tell a buffer that no other root leads to, where all that ran were calls."""
        entries = self._cell.places.in_storage(reading.storage)
        return all(one.root == path.root for one, _ in entries) and all(self._cell.numbered[one].calls for one in ran)
