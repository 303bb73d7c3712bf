"""Record the operators that write, each with its notebook line, while `%%tensordiff` runs a cell."""

from __future__ import annotations

import sys
from collections import Counter
from traceback import walk_stack
from typing import TYPE_CHECKING, Any

from ...core.blame.evidence.operator_writes import Operation, Region
from ...core.runtime.record import field, mutable
from ..runtime.graph_private import next_sequence_number
from ..tensors.plain_reads import has_version, is_plain, version_of
from .dispatch_mode import OperatorMode, region_of, written_arguments, written_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    import torch

    from ...core.records.report_parts import Place
    from ..tensors.serials import StorageSerials

MAX_OPERATIONS = 100_000

_CELL = "<module>"


@mutable
class OperatorRecorder:
    """Records each writing operator before it runs, so that one that fails midway is known too.

    Attributes
    ----------
    files
        The file names of the notebook's cells.
    statement
        Returns the running statement of the cell, if known.
    on_write
        Called with the tensors about to be written, each with its region, and the sequence number of the next node
        at the previous operator: nodes made since then may belong to this one.
    seen
        How often each operation ran, in the order of first runs.
    left_out
        How many more ran, or could not be analysed.
    first
        For each storage serial and version, the operation that wrote there first: the one that
        moved the version counter.
    """

    storages: StorageSerials
    files: Container[str]
    statement: Callable[[], int | None]
    on_write: Callable[[Sequence[tuple[torch.Tensor, Region]], int], None]
    seen: Counter[Operation] = field(default_factory=Counter)
    left_out: int = 0
    _number: int = 0
    first: dict[tuple[int, int], Operation] = field(default_factory=dict)
    _mode: OperatorMode | None = None

    def open(self) -> None:
        """Start to record, in this thread."""
        self._mode = OperatorMode(self._note)
        self._mode.open()

    def close(self) -> None:
        """Stop recording."""
        mode, self._mode = self._mode, None
        if mode is not None:
            mode.close()

    def _note(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:  # noqa: ANN401
        self.left_out += 1  # unless nothing fails
        before, self._number = self._number, next_sequence_number()
        name, slots = written_arguments(function)
        if slots:
            self._record(name, [*written_tensors(name, slots, args, kwargs)], before)
        self.left_out -= 1

    def _record(self, name: str, tensors: Sequence[torch.Tensor], before: int) -> None:
        regions = tuple([region_of(one, self.storages) for one in tensors])
        if regions:
            operation = Operation(name, *_places(self.files), self.statement(), regions)
            self._add(operation)
            self._date(operation, tensors)
            self.on_write([*zip(tensors, regions, strict=True)], before)

    def _add(self, operation: Operation) -> None:
        if operation in self.seen or len(self.seen) < MAX_OPERATIONS:
            self.seen[operation] += 1
        else:
            self.left_out += 1

    def _date(self, operation: Operation, written: Sequence[Any]) -> None:
        """Record the versions at which an operation writes, before it does."""
        for region, tensor in zip(operation.regions, written, strict=True):
            if region.storage and len(self.first) < MAX_OPERATIONS and is_plain(tensor):
                version = version_of(tensor) if has_version(tensor) else 0
                self.first.setdefault((region.storage, version), operation)


def _places(files: Container[str]) -> tuple[Place | None, Place | None]:
    """Return the line of the cell itself, and the innermost line of the notebook."""
    inner: Place | None = None
    for frame, line in walk_stack(sys._getframe(3)):
        code = frame.f_code
        if code.co_filename in files:
            here = code.co_filename, line
            inner = inner or here
            if code.co_name == _CELL:
                return here, inner
    return None, inner
