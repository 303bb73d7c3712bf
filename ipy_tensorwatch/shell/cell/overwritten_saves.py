"""Say of saved tensors that were overwritten which variables these are, which statement saved them and which wrote."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...core.hazards.saved_tensor_overwritten import Break
from ...core.memory.neighbours import Neighbourhood
from ...core.model.diff import Difference
from ...core.model.saved_tensor import Writing
from ..ipython.cell_sources import MAX_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...core.blame.reasoning import Reasoning
    from ...core.blame.statement_timeline import Timeline
    from ...core.model.path import AccessPath
    from ...core.model.reading import Reading
    from ...core.model.records import Site
    from ...core.model.saved_tensor import Overwritten, SavedTensor
    from ...core.model.snapshot import Snapshot
    from .running_cell import RunningCell

    Entry = tuple[AccessPath, Reading]

MAX_EXPLAINED = 8
"""How many of the variables over a saved tensor are asked who wrote them."""
MAX_CELLS = 1000
"""How many cells are kept whose nodes are alive, the newest."""
ENTRY = 64
"""How many characters one entered statement counts for."""
MAX_SORTED = 5000
"""With more tensors, those of the same storage are looked through, not all that may share a byte."""


@dataclass(slots=True)
class Records:
    """Keeps, for the graphs that live, where they were built and overwritten."""

    _built: dict[int, Timeline] = field(default_factory=dict)
    _writings: dict[object, Writing] = field(default_factory=dict)

    def add(self, cell: RunningCell, alive: set[int]) -> None:
        """Remember a cell; of cells of which no node is alive, nothing is kept."""
        if cell.count in alive:
            self._built[cell.count] = cell.timeline
        for gone in self._built.keys() - alive:
            del self._built[gone]
        while len(self._built) > 1 and (len(self._built) > MAX_CELLS or self._size() > MAX_CHARACTERS):
            del self._built[next(iter(self._built))]

    def _size(self) -> int:
        return sum(len(one.source) + ENTRY * len(one.entered) for one in self._built.values())

    def breaks(
        self, cell: RunningCell, found: Iterable[Overwritten], snapshot: Snapshot, reasoning: Reasoning
    ) -> list[Break]:
        """Say what is known of what was overwritten; who wrote first is remembered."""
        near = Nearby(snapshot)
        told = [self._break(cell, one, near, reasoning) for one in found]
        self._writings = {one.found.key: one.writing for one in told}
        return told

    def timeline(self, cell: int) -> Timeline | None:
        """Tell when a cell's statements ran; None where no node of it is alive."""
        return self._built.get(cell)

    def writing_of(self, found: Overwritten) -> Writing | None:
        """Tell what is remembered of the write that overwrote a saved tensor."""
        return self._writings.get(found.key)

    def site_of(self, saved: SavedTensor) -> Site | None:
        """Find the statement that built a node."""
        built = self._built.get(saved.cell)
        return built.maker(saved.sequence) if built else None

    def _break(self, cell: RunningCell, found: Overwritten, near: Nearby, reasoning: Reasoning) -> Break:
        saved = found.saved
        overlapping = near.of(saved.reading)
        writing = self._writings.get(found.key)
        scalars = (path for path in found.roots if (root := near.snapshot.get(path)) and root.numel == 1)
        return Break(
            found=found,
            paths=tuple(str(path) for path, _ in overlapping),
            scalars=tuple(scalars),
            saved_at=self.site_of(saved),
            writing=writing or _writing(cell, saved, overlapping or near.in_storage(saved.reading), reasoning),
        )


def _writing(cell: RunningCell, saved: SavedTensor, entries: Sequence[Entry], reasoning: Reasoning) -> Writing:
    """Find the statement that wrote: the one that names a variable over these bytes, if there is one."""
    told = [(path, reading, reasoning.verdict(Difference(path=path, before=reading, after=reading)))
            for path, reading in entries[:MAX_EXPLAINED]]  # fmt: skip
    told = [one for one in told if one[2].sites]
    if not told:
        return Writing(cell=cell.count, site=_first_after(cell, saved, _seen(cell, saved)))
    path, reading, verdict = next((one for one in told if one[2].cause == "direct"), told[0])
    return Writing(
        cell=cell.count,
        path=str(path),
        site=_first_after(cell, saved, verdict.sites),
        cause=verdict.cause,
        is_array=reading.kind == "ndarray",
        is_leaf=reading.collects_gradient,
    )


def _seen(cell: RunningCell, saved: SavedTensor) -> list[Site]:
    """Give the statements that were seen to write to memory that no variable leads to any more."""
    ran = [{one.statement for one in write.positions} for write in cell.ledger.writes
           if write.storage == saved.reading.storage]  # fmt: skip
    sites = (cell.timeline.site(index) for alone in ran if len(alone) == 1 for index in alone)
    return [site for site in sites if site is not None]


def _first_after(cell: RunningCell, saved: SavedTensor, sites: Sequence[Site]) -> Site | None:
    """Choose the statement that wrote first, after the cell itself has saved."""
    if saved.cell == cell.count and sites:
        return cell.timeline.first_after(saved.sequence, sites)
    return sites[0] if sites else None


class Nearby:
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
