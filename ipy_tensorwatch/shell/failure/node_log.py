"""Which cell built which nodes, and which write found which version."""

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
    """What it takes to tell which cell built a node, and who wrote at which version.

    Attributes
    ----------
    spans
        For each cell the numbers of the nodes that it built, first and last, its count and its source.
    dated
        The writes that `%%tensordiff` recorded, by the storage and by the version that they found there.
    """

    shell: InteractiveShell
    sources: Sources
    spans: deque[BuiltSpan] = field(default_factory=lambda: deque(maxlen=MAX_CELLS))
    dated: dict[tuple[int, int], Writing] = field(default_factory=dict)

    def keep(self, cell: RunningCell) -> None:
        """Keep which nodes a cell built; of the sources, no more than there is room for, those of the oldest go."""
        self.spans.append(BuiltSpan(cell.ledger.numbers[0], next_sequence_number(), cell.count, cell.plain))
        size = sum(len(plain) for *_, plain in self.spans)
        while size > MAX_CHARACTERS and len(self.spans) > 1:
            size -= len(self.spans.popleft()[-1])

    @property
    def built(self) -> BuiltCells:
        """Which cell built which nodes."""
        return BuiltCells(tuple(self.spans))

    def date(self, cell: RunningCell) -> None:
        """Keep who moved which version, of memory that lives on."""
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
