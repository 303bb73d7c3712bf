"""What was observed while a cell ran, as plain values for the blame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ..memory.footprint import footprint_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..memory.byte_mask import ByteMask
    from ..model.reading import Reading
    from ..model.records import Inner
    from ..statements.statement import Statement
    from .operator_writes import Place


class Position(NamedTuple):
    """Where a cell was; noted at every line, so a plain tuple.

    Attributes
    ----------
    place
        The innermost line inside a function of the notebook; None at the statement itself.
    blind
        Whether lines inside functions of the notebook may have run unseen from there on.
    """

    statement: int
    place: Place | None = None
    blind: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Bytes of one storage were seen to differ between two looks.

    Attributes
    ----------
    positions
        Where the cell was between the two looks; one, unless looks were skipped to save time.
    look
        The number of the look that saw it.
    mask
        Which bytes differ, where a copy tells; it begins at byte `low` of the storage.
    """

    storage: int
    positions: frozenset[Position]
    look: int = 0
    mask: ByteMask | None = None
    low: int = 0

    def touches(self, reading: Reading) -> bool:
        """Tell whether a reading's own elements are among the bytes; without a mask they may be."""
        if self.mask is None:
            return True
        start = reading.low - self.low
        if reading.is_dense and start <= 0 and start + reading.nbytes >= len(self.mask):
            return True  # some byte differs, and all are among the elements
        piece = self.mask[max(0, start) : start + reading.high - reading.low]
        if reading.is_dense or not piece.any():
            return bool(piece.any())
        footprint = footprint_of(reading)
        return footprint is None or start < 0 or bool(footprint.take(self.mask[:], start).any())


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A tensor was seen to lie in another storage than at the look before: `x.data = y`."""

    object: int
    storage: int
    positions: frozenset[Position]
    look: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An optimizer's `step` ran.

    Attributes
    ----------
    paths
        The access paths of that optimizer.
    parameters
        The serials of the parameter objects that it holds.
    storages
        The storages of its parameters and of its state.
    """

    statement: int | None
    inner: Inner | None
    paths: frozenset[str]
    parameters: frozenset[int]
    storages: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A statement was seen to run an operator that writes, at a line inside a called function where there is one."""

    statement: int
    inner: Inner | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that the blame may use to tell which statement wrote what.

    Attributes
    ----------
    cell
        The cell's count.
    writes, moves
        What was seen while the cell ran, in order: by storage, and by the serial of the tensor.
    lines
        The lines inside functions at which something was seen.
    values
        For each statement the values that names in its item keys had when it was entered.
    targets
        For each statement, by name, the serials of the tensors that the name led to when it was entered.
    ran
        The statements that were entered.
    recorded
        What the recorder of operators saw, by path; nothing in cells that run without it.
    """

    cell: int = 0
    statements: tuple[Statement, ...] = ()
    writes: Mapping[int, tuple[Write, ...]] = field(default_factory=dict)
    moves: Mapping[int, tuple[Move, ...]] = field(default_factory=dict)
    lines: Mapping[Place, Inner] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    values: Mapping[int, tuple[Mapping[str, int | str], ...]] = field(default_factory=dict)
    targets: Mapping[int, Mapping[str, frozenset[int]]] = field(default_factory=dict)
    ran: frozenset[int] = frozenset()
    recorded: Mapping[str, tuple[Recorded, ...]] = field(default_factory=dict)
