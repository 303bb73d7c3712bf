"""Explain the error that a cell ended with, where it is one of PyTorch's about a write in place."""

from __future__ import annotations

import traceback
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from ..capture.crash import find_complaint
from ..capture.torch_private import next_sequence_number
from ..core.failure import BACKWARD
from ..core.hazard import Writing
from ..core.listing import Listing
from ..core.transcript import Transcript
from .cells import source_of
from .refusal import explain_refusal
from .scene import survey
from .stop import explain_stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from IPython.core.interactiveshell import InteractiveShell

    from ..capture.observer import Observation
    from ..core.blame import Verdict
    from ..core.diff import Difference
    from ..core.records import Change, Hazard
    from .breaks import Records
    from .cells import Sources
    from .running import RunningCell

MAX_CELLS = 1000
MAX_DATED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """A cell that has run, and what is known of it.

    Attributes
    ----------
    history
        The changes of earlier cells and of this one, each with its cell.
    """

    cell: RunningCell
    observed: Observation
    explain: Callable[[Difference], Verdict]
    history: Iterable[tuple[int, Change]]


@dataclass(slots=True, kw_only=True)
class FailureBook:
    """Explains failures, and keeps what that takes: which cell built which nodes, and who wrote at which version.

    Attributes
    ----------
    spans
        For each cell the numbers of the nodes that it built, first and last, its count and its source.
    dated
        The writes that `%%tensordiff` recorded, by the storage and by the version that they found there.
    last_error
        What went wrong on our side.
    """

    shell: InteractiveShell
    sources: Sources
    records: Records
    spans: deque[tuple[int, int, int, str]] = field(default_factory=lambda: deque(maxlen=MAX_CELLS))
    dated: dict[tuple[int, int], Writing] = field(default_factory=dict)
    last_error: str | None = None

    def explain(self, error: BaseException | None, after: Aftermath) -> Hazard | None:
        """Tell what a cell died of; None where it did not, or of something else."""
        self.spans.append((after.cell.ledger.numbers[0], next_sequence_number(), after.cell.count, after.cell.plain))
        try:
            self._date(after.cell)
            return None if error is None else self._explain(error, after)
        except Exception as odd:  # noqa: BLE001  (an odd error must not cost the report)
            self.last_error = "".join(traceback.format_exception(odd))
            return None

    def cell_of(self, sequence: int) -> int | None:
        """Tell the cell that built a node; None where it was not watched."""
        return next((count for first, last, count, _ in reversed(self.spans) if first <= sequence < last), None)

    def plain_of(self, cell: int) -> str:
        """Give the source of a cell."""
        return next((plain for _, _, count, plain in reversed(self.spans) if count == cell), "")

    def _explain(self, error: BaseException, after: Aftermath) -> Hazard | None:
        found = find_complaint(error)
        if found is None:
            return None
        complaint, culprit = found
        files = self.sources.files(self.shell)
        scene = survey(culprit, complaint, after.cell.count, files)
        if not scene.steps:  # it was raised anew where no line of the notebook is
            scene = survey(error, complaint, after.cell.count, files)
        if complaint.trouble in BACKWARD:
            return explain_stop(scene, after, self)
        return explain_refusal(scene, after)

    def _date(self, cell: RunningCell) -> None:
        """Keep who moved which version, of memory that lives on."""
        if cell.recording is None:
            return
        alive = cell.observer.lens.storages.references()
        transcript = Transcript(cell.count, cell.statements(), Listing(self.sources.files(self.shell), source_of))
        self.dated = {key: writing for key, writing in self.dated.items() if key[0] in alive}
        lasting = ((key, one) for key, one in cell.recording.recorder.first.items() if key[0] in alive)
        for key, operation in islice(lasting, MAX_DATED):
            self.dated.setdefault(key, Writing(cell=cell.count, site=transcript.site_of(operation)))
