"""State that the ranks have in common, or had, and when they parted."""

from __future__ import annotations

from typing import Literal

from ..host.record import record

ReplicaKind = Literal["replica", "shard", "local"]


@record
class Parting:
    """How the ranks of one tensor parted.

    Attributes
    ----------
    ranks
        Those that differ from most of the others.
    cell, line, text
        The statement of the cell after which they differed; line 0 if none is known to have written.
    max_abs
        The largest difference; None if it is not known.
    """

    ranks: tuple[int, ...]
    cell: int
    line: int = 0
    text: str = ""
    path: str
    max_abs: float | None = None


@record
class Replica:
    """A tensor, or a container of tensors, on several ranks."""

    path: str
    kind: ReplicaKind
    equal: bool
    ranks: tuple[int, ...]
    parted: Parting | None = None
