"""What of the session bears on hazards: which statement built which node, and which write overwrote what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..core.built import find_builder
from ..core.diff import Difference
from ..core.hazard import Break, Writing, tell_hazards
from ..core.near import Neighbourhood

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..capture.observer import Observation
    from ..core.blame import Verdict
    from ..core.path import AccessPath
    from ..core.reading import Reading
    from ..core.records import Hazard, Site
    from ..core.saved import Overwritten, SavedTensor
    from ..core.snapshot import Snapshot
    from .running import RunningCell

    Entry = tuple[AccessPath, Reading]
    Explain = Callable[[Difference], Verdict]

MAX_EXPLAINED = 8
"""How many of the variables over a saved tensor are asked who wrote them."""
MAX_SORTED = 5000
"""With more tensors, those of the same storage are looked through, not all that may share a byte."""


@dataclass(slots=True)
class HazardBook:
    """Keeps, for the graphs that live, where they were built and overwritten.

    Attributes
    ----------
    hazards
        Those after the last cell.
    """

    hazards: tuple[Hazard, ...] = ()
    _built: dict[int, tuple[str, Sequence[tuple[int, int]]]] = field(default_factory=dict)
    _writings: dict[object, Writing] = field(default_factory=dict)
    _last: tuple[tuple[Overwritten, ...], Snapshot] | None = None

    def follow(self, cell: RunningCell, observed: Observation, alive: set[int], explain: Explain) -> tuple[Hazard, ...]:
        """Tell the hazards after a cell; `alive` are the cells of which nodes are alive."""
        if cell.count in alive:
            self._built[cell.count] = cell.plain, tuple(cell.ledger.built)
        for gone in self._built.keys() - alive:
            del self._built[gone]
        found, snapshot = observed.overwritten, observed.shot.snapshot
        if self._last is None or self._last[0] != found or self._last[1] is not snapshot:
            self._last = found, snapshot
            self.hazards = self._tell(cell, found, snapshot, explain) if found else ()
        return self.hazards

    def _tell(
        self, cell: RunningCell, found: tuple[Overwritten, ...], snapshot: Snapshot, explain: Explain
    ) -> tuple[Hazard, ...]:
        near = _Nearby(snapshot)
        breaks = [self._break(cell, one, near, explain) for one in found]
        self._writings = {one.found.key: one.writing for one in breaks}
        return tell_hazards(breaks)

    def _break(self, cell: RunningCell, found: Overwritten, near: _Nearby, explain: Explain) -> Break:
        saved = found.saved
        overlapping = near.of(saved.reading)
        writing = self._writings.get(found.key) or _writing(
            cell.count, overlapping or near.in_storage(saved.reading), explain
        )
        scalars = (path for path in found.roots if (root := near.snapshot.get(path)) and root.numel == 1)
        return Break(
            found=found,
            paths=tuple(str(path) for path, _ in overlapping),
            scalars=tuple(scalars),
            saved_at=self._site(saved),
            writing=writing,
        )

    def _site(self, saved: SavedTensor) -> Site | None:
        return find_builder(*self.built_in(saved.cell), saved.sequence)

    def built_in(self, cell: int) -> tuple[str, Sequence[tuple[int, int]]]:
        """Give a cell's source, and what its statements built; nothing where no node of it is alive."""
        return self._built.get(cell, ("", ()))

    def writing_of(self, found: Overwritten) -> Writing | None:
        """Tell what is remembered of the write that overwrote a saved tensor."""
        return self._writings.get(found.key)


def _writing(cell: int, entries: Sequence[Entry], explain: Explain) -> Writing:
    """Find the statement that wrote: the one that names a variable over these bytes, if there is one."""
    told = [(path, reading, explain(Difference(path=path, before=reading, after=reading)))
            for path, reading in entries[:MAX_EXPLAINED]]  # fmt: skip
    told = [one for one in told if one[2].sites]
    if not told:
        return Writing(cell=cell)
    path, reading, verdict = next((one for one in told if one[2].cause == "direct"), told[0])
    return Writing(
        cell=cell,
        path=str(path),
        site=verdict.sites[0],
        cause=verdict.cause,
        is_array=reading.kind == "ndarray",
        is_leaf=reading.is_leaf and reading.requires_grad,
    )


class _Nearby:
    """The variables over some bytes."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._all = Neighbourhood(snapshot.entries()) if len(snapshot) <= MAX_SORTED else None

    def of(self, reading: Reading) -> list[Entry]:
        """Give those that share a byte, those that lie just so first."""
        entries = self._all.of(reading) if self._all else self.in_storage(reading)
        return sorted(entries, key=lambda entry: entry[1].layout != reading.layout)

    def in_storage(self, reading: Reading) -> list[Entry]:
        """Give those in the same storage: a write to any of them moves the version of all views."""
        return list(self.snapshot.by_storage.get(reading.storage, ()))
