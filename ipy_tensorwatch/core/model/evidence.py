"""What was observed while a cell ran, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .records import Inner, Place


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
class SeenWrite:
    """Bytes of one storage were seen to differ between two looks.

    Attributes
    ----------
    positions
        Where the cell was between the two looks; one, unless looks were skipped to save time.
    look
        The number of the look that saw it.
    mask
        Which bytes differ, 1 or 0 for each from byte `low` of the storage on; None where no copy tells.
    """

    storage: int
    positions: frozenset[Position]
    look: int = 0
    mask: bytes | None = field(default=None, repr=False)
    low: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A tensor was seen to lie in another storage than at the look before: `x.data = y`."""

    object: int
    storage: int
    positions: frozenset[Position]
    look: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerStep:
    """An optimizer's `step` ran.

    Attributes
    ----------
    statement
        The statement that ran it; None where that is not known.
    paths
        The access paths of that optimizer.
    parameters
        The serials of the parameter objects that it holds.
    storages
        The storages of its parameters and of its state.
    """

    statement: int | None
    inner: Inner | None = None
    paths: frozenset[str] = frozenset()
    parameters: frozenset[int] = frozenset()
    storages: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A statement was seen to run an operator that writes, at a line inside a called function where there is one."""

    statement: int
    inner: Inner | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that was observed of one cell and may tell which statement wrote what.

    Attributes
    ----------
    cell
        The cell's count.
    plain
        The cell as plain Python.
    entered
        The number that the next node of a graph was going to have as a statement was entered, each with the statement.
    writes, moves
        What was seen while the cell ran, in order: by storage, and by the serial of the tensor.
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
    plain: str = ""
    entered: tuple[tuple[int, int], ...] = ()
    writes: Mapping[int, tuple[SeenWrite, ...]] = field(default_factory=dict)
    moves: Mapping[int, tuple[Move, ...]] = field(default_factory=dict)
    steps: tuple[OptimizerStep, ...] = ()
    values: Mapping[int, tuple[Mapping[str, int | str], ...]] = field(default_factory=dict)
    targets: Mapping[int, Mapping[str, frozenset[int]]] = field(default_factory=dict)
    ran: frozenset[int] = frozenset()
    recorded: Mapping[str, tuple[Recorded, ...]] = field(default_factory=dict)
