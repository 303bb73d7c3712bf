"""Hazards that last as long as the variables lead to the same memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..runtime.record import record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..records.path import AccessPath
    from ..records.reading import Reading
    from ..records.snapshots.snapshot import Snapshot
    from .hazard import Hazard


@record
class Lasting:
    """A hazard and the paths that keep it alive, each with the object and the storage it led to."""

    hazard: Hazard
    anchors: tuple[tuple[str, int, int], ...]

    @classmethod
    def of(cls, hazard: Hazard, ends: Iterable[tuple[AccessPath | str, Reading]]) -> Lasting:
        """Make a hazard that some paths keep alive, as long as each leads to what it leads to now."""
        return cls(hazard=hazard, anchors=tuple((str(path), one.object, one.storage) for path, one in ends))

    def holds_in(self, snapshot: Snapshot) -> bool:
        """Return whether every path still leads to the same memory."""
        return all(_leads(snapshot.get(path), thing, storage) for path, thing, storage in self.anchors)

    def as_part_of(self, known: Sequence[Lasting]) -> Lasting:
        """Return this hazard as a part of one that is known, with the same cause; else as it is."""
        mine, code = {*self.anchors}, self.hazard.code
        whole = (one.hazard for one in known if one.hazard.code == code and mine < {*one.anchors})
        return replace(self, hazard=next((replace(one, paths=self.hazard.paths) for one in whole), self.hazard))


def _leads(reading: Reading | None, thing: int, storage: int) -> bool:
    return reading is not None and (reading.object, reading.storage) == (thing, storage)
