"""One path through a cell: which observed writes affect it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...memory.footprint import footprint_of
from ...records.trace.evidence import Evidence, Move, Position, SeenWrite
from ...runtime.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...records.reading import Reading
    from ...records.snapshots.snapshot import Entry
    from .snapshot_index import SnapshotIndex


@record
class PathWrites:
    """One path, from what it led to before the cell to what it leads to after it.

    Attributes
    ----------
    is_alone
        Whether every known tensor in its storage overlaps it, so that any write there affects it.
    """

    before: Reading
    after: Reading
    is_alone: bool

    @classmethod
    def of(cls, places: SnapshotIndex, group: Sequence[Entry], before: Reading, after: Reading) -> PathWrites:
        """Return what one path led to before and after, with all that overlaps it in its group."""
        together = sum(one.storage == after.storage for _, one in group)
        return cls(before=before, after=after, is_alone=together >= places.count_in(after.storage))

    def writes(self, evidence: Evidence) -> Iterator[frozenset[Position]]:
        """Yield sets of positions, one of which wrote to the path's memory at that time or rebound the path."""
        vague: set[Position] = set()
        for seen, reading in self._seen(evidence):
            if isinstance(seen, Move):
                yield seen.positions
            elif reading and seen.mask is None and (evidence.moves or not self.is_alone):
                vague |= seen.positions
            elif not reading or touches(seen, reading):
                yield seen.positions
        if vague:
            yield frozenset(vague)

    def _seen(self, evidence: Evidence) -> Iterator[tuple[SeenWrite | Move, Reading | None]]:
        """Yield each observed write or move of the path's memory, with its layout at that time if known."""
        since, storage = -1, self.before.storage
        reading: Reading | None = self.before
        for move in evidence.moves.get(self.after.object, ()):
            writes = evidence.writes.get(storage, ())
            yield from ((write, reading) for write in writes if since < write.look <= move.look)
            yield move, None
            since, storage, reading = move.look, move.storage, None
        last = self.after if storage == self.after.storage else None
        yield from ((write, last) for write in evidence.writes.get(storage, ()) if since < write.look)


def touches(write: SeenWrite, reading: Reading) -> bool:
    """Return whether a write changed a reading's own elements; True if it has no mask."""
    if write.mask is None:
        return True
    mask, start = np.frombuffer(write.mask, np.bool_), reading.low - write.low
    if reading.is_dense and start <= 0 and start + reading.nbytes >= len(mask):
        return True  # some byte differs, and all are among the elements
    piece = mask[max(0, start) : start + reading.high - reading.low]
    if reading.is_dense or not piece.any():
        return bool(piece.any())
    footprint = footprint_of(reading)
    return footprint is None or start < 0 or bool(footprint.take(mask, start).any())
