"""Hazards that last as long as the variables lead to the same memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..model.reading import Reading
    from ..model.snapshot import Snapshot
    from .hazard import Hazard


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """A hazard and the paths that keep it alive, each with the object and the storage it led to."""

    hazard: Hazard
    anchors: tuple[tuple[str, int, int], ...]

    def holds_in(self, snapshot: Snapshot) -> bool:
        """Return whether every path still leads to the same memory."""
        return all(_leads(snapshot.get(path), thing, storage) for path, thing, storage in self.anchors)


def anchor(path: str, reading: Reading) -> tuple[str, int, int]:
    """Record the object and storage that a path leads to."""
    return path, reading.object, reading.storage


def _leads(reading: Reading | None, thing: int, storage: int) -> bool:
    return reading is not None and (reading.object, reading.storage) == (thing, storage)
