"""Follow one path through a cell: which of the writes that were seen concern it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .evidence import Move

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.reading import Reading
    from .evidence import Evidence, Position, Write


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One path, from where it led before the cell to where it leads after it.

    Attributes
    ----------
    is_alone
        Whether all that is known of its memory shares bytes with it, so that a write anywhere in there is to it.
    """

    before: Reading
    after: Reading
    is_alone: bool

    def writes(self, evidence: Evidence) -> Iterator[frozenset[Position]]:
        """Give sets of positions, one of which wrote where the path led at that time, or made it lead elsewhere."""
        vague: set[Position] = set()
        for seen, reading in self._seen(evidence):
            if isinstance(seen, Move):
                yield seen.positions
            elif reading and seen.mask is None and (evidence.moves or not self.is_alone):
                vague |= seen.positions
            elif not reading or seen.touches(reading):
                yield seen.positions
        if vague:
            yield frozenset(vague)

    def _seen(self, evidence: Evidence) -> Iterator[tuple[Write | Move, Reading | None]]:
        """Give what was seen of the memory that the path led to at that time, and how it lay there if that is known."""
        since, storage = -1, self.before.storage
        reading: Reading | None = self.before
        for move in evidence.moves.get(self.after.object, ()):
            writes = evidence.writes.get(storage, ())
            yield from ((write, reading) for write in writes if since < write.look <= move.look)
            yield move, None
            since, storage, reading = move.look, move.storage, None
        last = self.after if storage == self.after.storage else None
        yield from ((write, last) for write in evidence.writes.get(storage, ()) if since < write.look)
