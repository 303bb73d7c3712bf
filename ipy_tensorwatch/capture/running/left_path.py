"""What a path led to before the cell bound it anew, and which writes reached it."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from ...core.records.snapshots.difference import Difference
from ..compare.device_mark import digested_levels
from ..snapshot.tensor_parts import COMPONENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from ...core.records.path import AccessPath
    from ...core.records.reading import Reading
    from ...core.records.snapshots.snapshot import Snapshot
    from ...core.records.trace.evidence import Position, SeenWrite


class Birth(NamedTuple):
    """A path as first seen: its reading, the look, and the positions, one of which bound it."""

    reading: Reading
    look: int
    positions: frozenset[Position]


class Left(NamedTuple):
    """What a path led to and the cell wrote, until the look that saw it lead elsewhere.

    Attributes
    ----------
    later
        The statements that ran between the first write and that look.
    """

    path: AccessPath
    first: Birth
    until: int
    ran: frozenset[int]
    later: frozenset[int]


def writes_since(first: Birth, writes: Sequence[SeenWrite], told_late: AbstractSet[int]) -> Iterator[SeenWrite]:
    """Yield the writes to the storage of a path since it was first seen, the last one first.

    Parameters
    ----------
    told_late
        The storages of devices that were written, which devices tell of when the cell has ended.
    """
    storage = first.reading.storage
    is_told = storage in told_late and digested_levels(first.reading) is not None
    since_first = takewhile(lambda write: write.look > first.look, reversed(writes))
    return (one for one in since_first if one.storage == storage and (is_told or one.mask is not None))


def difference_since(path: AccessPath, first: Birth, after: Snapshot) -> Difference:
    """Return the difference of what was written; in place of a component, its sparse tensor is told."""
    address = first.reading.data_ptr if after.by_storage.get(first.reading.storage) else 0
    reading = first.reading._replace(version=None, data_ptr=address)  # freed memory may be another's now
    if reading.kind == COMPONENT:
        path, reading = path.owner, reading._replace(kind="tensor")
    return Difference(path=path, before=reading, after=reading)
