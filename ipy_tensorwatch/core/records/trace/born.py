"""What a cell bound: the paths that were first seen at one look while it ran, and what became of their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...runtime.record import record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reading import Reading
    from ..snapshots.differences import Found
    from .evidence import Position


class Arrival(NamedTuple):
    """A path that led to another tensor at one look than at the look before, or to none.

    Attributes
    ----------
    positions
        The positions since the look before; one of them bound the path, or let it go.
    """

    path: str
    reading: Reading | None
    look: int
    positions: frozenset[Position]


@record
class Born:
    """Paths that were bound between two looks, and lead to the same tensors when the cell has ended.

    Attributes
    ----------
    look
        The look that saw them first.
    positions
        The positions since the look before; one of them bound the paths.
    ran
        The statements that ran since, in part at least.
    found
        The differences of the paths from that look to the end of the cell, or until they led elsewhere.
    until
        The look that saw the paths lead elsewhere; None if they lead to the same tensors when the cell has ended.
    later
        The statements that ran between the first write and that look.
    """

    look: int
    positions: frozenset[Position]
    ran: frozenset[int]
    found: Sequence[Found]
    until: int | None = None
    later: frozenset[int] = frozenset()
