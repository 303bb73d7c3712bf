"""The trace of one cell: the only input that capture passes to reasoning, built once after the cell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...runtime.record import field, record
from ..snapshots.snapshot import Snapshot
from .evidence import Evidence, OptimizerHolding, Position
from .graph_state import GraphState
from .notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..report_parts import Cell, Coverage, OperatorWrite
    from ..snapshots.differences import Found
    from .born import Arrival, Born
    from .cell_error import CellError
    from .saved_tensor import Writing


@record
class SourceFile:
    """The code of a cell, or of a part that a magic compiled, as found under a file name."""

    cell: int
    text: str


@record(eq=False, slots=False)
class CellTrace:
    """What one cell did, as plain values: no tensor, no frame, no shell.

    Attributes
    ----------
    before, after
        What the names led to when the cell began and when it had ended.
    outside
        The differences between the end of the cell before and the start of this one.
    found
        The differences from the start to the end of the cell, looks in between included.
    born
        What the cell bound, as far as it was seen while the cell ran.
    left
        What paths led to and the cell wrote, before it bound them to something else.
    arrivals
        What each path led to at the looks, in order.
    unseen
        The positions since the last of these looks.
    own
        What was observed while it ran.
    beside
        What was observed of the cells that ran in other threads meanwhile.
    elsewhere
        The global names used by notebook functions that other threads were running when it ended.
    notebook
        What was defined when it ended.
    files
        The code behind the file names that `own` and `beside` mention.
    is_recorded
        Whether its operators were recorded, as `%%tensordiff` does.
    writes
        The operators that wrote, in order.
    optimizers
        What each optimizer holds that a variable leads to.
    nodes
        The sequence numbers `[first, end)` of the nodes that it built.
    dated
        The writes that `%%tensordiff` recorded, by storage and by the version before the write.
    error
        The error that it raised, if it is one of PyTorch's about an in-place write.
    gone
        The storages whose memory belonged to another owner, who released it.
    coverage
        How much was compared.
    seconds
        The time limit for interpreting notebook functions, in seconds.
    """

    cell: Cell
    before: Snapshot = field(default_factory=Snapshot)
    after: Snapshot = field(default_factory=Snapshot)
    outside: Sequence[Found] = ()
    found: Sequence[Found] = ()
    born: tuple[Born, ...] = ()
    left: tuple[Born, ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    unseen: frozenset[Position] = frozenset()
    own: Evidence = field(default_factory=Evidence)
    beside: tuple[Evidence, ...] = ()
    elsewhere: frozenset[str] = frozenset()
    notebook: Notebook = field(default_factory=Notebook)
    files: Mapping[str, SourceFile] = field(default_factory=dict)
    is_recorded: bool = False
    writes: tuple[OperatorWrite, ...] = ()
    optimizers: tuple[OptimizerHolding, ...] = ()
    graphs: GraphState = field(default_factory=GraphState)
    nodes: tuple[int, int] = (0, 0)
    dated: Mapping[tuple[int, int], Writing] = field(default_factory=dict)
    error: CellError | None = None
    gone: tuple[int, ...] = ()
    coverage: Coverage
    seconds: float = math.inf
