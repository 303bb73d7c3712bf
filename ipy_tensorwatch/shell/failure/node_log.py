"""A log of the nodes that each cell built, and of the versions at which recorded writes happened."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from ...capture.host.graph_private import next_sequence_number
from ...core.blame.recorded_writes import Transcript
from ...core.explain.built_cells import BuiltCells, BuiltSpan
from ...core.model.saved_tensor import Writing
from ..ipython.cell_sources import MAX_CHARACTERS

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..cell.running_cell import RunningCell
    from ..ipython.cell_sources import Sources

MAX_CELLS = 1000
MAX_DATED = 10_000


@dataclass(slots=True, kw_only=True)
class NodeLog:
    """Maps sequence numbers of nodes to cells, and versions to writes.

    Attributes
    ----------
    spans
        For each cell: its first sequence number and the next one after it, its execution count and its source.
    dated
        The writes that `%%tensordiff` recorded, by storage and by the version before the write.
    """

    shell: InteractiveShell
    sources: Sources
    spans: deque[BuiltSpan] = field(default_factory=deque)
    dated: dict[tuple[int, int], Writing] = field(default_factory=dict)
    _characters: int = 0

    def keep(self, cell: RunningCell) -> None:
        """Add the sequence numbers of a cell; drop the oldest cells beyond `MAX_CHARACTERS` of source."""
        self.spans.append(BuiltSpan(cell.ledger.numbers[0], next_sequence_number(), cell.count, cell.plain))
        self._characters += len(cell.plain)
        while len(self.spans) > MAX_CELLS or (self._characters > MAX_CHARACTERS and len(self.spans) > 1):
            self._characters -= len(self.spans.popleft()[-1])

    @property
    def built(self) -> BuiltCells:
        """The cells by the nodes that they built."""
        return BuiltCells(tuple(self.spans))

    def date(self, cell: RunningCell) -> None:
        """Add the recorded writes of a cell to storages that are still alive."""
        if cell.recording is None:
            return
        alive = cell.observer.lens.storages.references()
        transcript = Transcript(cell.count, cell.statements(), self.sources.listing(self.shell))
        self.dated = {key: writing for key, writing in self.dated.items() if key[0] in alive}
        lasting = ((key, one) for key, one in cell.recording.recorder.first.items() if key[0] in alive)
        for key, operation in islice(lasting, MAX_DATED):
            self.dated.setdefault(key, Writing(cell=cell.count, site=transcript.site_of(operation)))
        for key in [*islice(self.dated, max(0, len(self.dated) - MAX_DATED))]:
            del self.dated[key]
