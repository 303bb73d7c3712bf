"""The observations made while a cell ran, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from ...runtime.record import field, record

if TYPE_CHECKING:
    from ..reading import Reading
    from ..report_parts import Inner, Place


class Position(NamedTuple):
    """The position in a cell; recorded at every line, so a plain tuple.

    Attributes
    ----------
    place
        The innermost line inside a function of the notebook; None at the statement itself.
    blind
        Whether lines inside functions of the notebook may have run unobserved since.
    """

    statement: int
    place: Place | None = None
    blind: bool = True


class SeenWrite(NamedTuple):
    """Bytes of one storage that differed between two looks; a tuple, because a training step makes hundreds.

    Attributes
    ----------
    positions
        The positions of the cell between the two looks; one, unless looks were skipped to save time.
    look
        The number of the look that saw it.
    mask
        1 or 0 for each byte from byte `low` of the storage: whether it differs; None without a copy.
    """

    storage: int
    positions: frozenset[Position]
    look: int = 0
    mask: bytes | None = None
    low: int = 0


class WritesOnDemand(Mapping[int, tuple[SeenWrite, ...]]):
    """Writes by storage, each recorded when it is asked for, in copies of bytes that are kept until then.

    Attributes
    ----------
    nbytes
        The bytes that the masks of the recorded ones take.
    """

    nbytes: int = 0

    def without_masks(self) -> Mapping[int, tuple[SeenWrite, ...]]:
        """Return the same writes without masks, and without the copies."""
        raise NotImplementedError


def mask_bytes(writes: Mapping[int, tuple[SeenWrite, ...]]) -> int:
    """Return how many bytes the masks of some writes take."""
    if isinstance(writes, WritesOnDemand):
        return writes.nbytes
    return sum(len(one.mask) for several in writes.values() for one in several if one.mask)


def without_masks(writes: Mapping[int, tuple[SeenWrite, ...]]) -> Mapping[int, tuple[SeenWrite, ...]]:
    """Return the same writes without masks."""
    if isinstance(writes, WritesOnDemand):
        return writes.without_masks()
    return {
        storage: tuple(one if one.mask is None else one._replace(mask=None) for one in several)
        for storage, several in writes.items()
    }


@record
class Move:
    """A tensor moved to another storage since the previous look: `x.data = y`.

    Attributes
    ----------
    reading
        Its reading there.
    """

    object: int
    storage: int
    positions: frozenset[Position]
    look: int = 0
    reading: Reading | None = None


@record
class OptimizerHolding:
    """The serials of the parameters that an optimizer holds, by its access path."""

    path: str
    parameters: frozenset[int]


@record
class OptimizerStep:
    """An optimizer's `step` ran.

    Attributes
    ----------
    statement
        The statement that ran it; None if not known.
    paths
        The access paths of that optimizer.
    parameters
        The serials of the parameter objects that it holds.
    storages
        The storages of its parameters and of its state.
    holds
        How many parameters it holds, those counted to which no variable leads.
    is_idle
        Whether none of them had a gradient that was new since the step before: the step trained nothing.
    """

    statement: int | None
    inner: Inner | None = None
    paths: frozenset[str] = frozenset()
    parameters: frozenset[int] = frozenset()
    storages: frozenset[int] = frozenset()
    holds: int = 0
    is_idle: bool = False


@record
class Recorded:
    """A recorded operator write of a statement, with the line inside a called function if there is one."""

    statement: int
    inner: Inner | None


@record
class Evidence:
    """All observations of one cell that may identify the statement of a write.

    Attributes
    ----------
    cell
        The cell's count.
    plain
        The cell as plain Python.
    entered
        (sequence number of the next node, statement) at each entry of a statement.
    writes, moves
        The observed writes by storage and moves by tensor serial, in order.
    values
        For each statement, the values of names in its item keys at each entry.
    targets
        For each statement, by name, the serials of the tensors that the name led to when it was entered.
    ran
        The statements that were entered.
    recorded
        The recorded operator writes, by path; empty in cells without a recorder.
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
