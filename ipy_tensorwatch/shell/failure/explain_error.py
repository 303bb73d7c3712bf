"""Explain the error that a cell ended with, where it is one of PyTorch's about a write in place."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from ...capture.frames.traceback_frames import find_complaint
from ...capture.host.torch_private import next_sequence_number
from ...core.blame.recorded_writes import Transcript
from ...core.explain.error_messages import BACKWARD
from ...core.hazards.saved_tensor_overwritten import Writing
from ...core.host.guard import GUARD
from ...core.model.records import Turn
from ...core.syntax.cell_lines import Listing
from ..ipython.cell_sources import MAX_CHARACTERS, source_of
from .error_frames import survey
from .explain_backward import explain_stop
from .explain_refusal import explain_refusal
from .known_writes import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from ...capture.observer import Observation
    from ...core.blame.silent import Verdict
    from ...core.model.diff import Difference
    from ...core.model.records import Change, Hazard
    from ..cell.hazard_log import HazardBook
    from ..cell.running_cell import RunningCell
    from ..ipython.cell_sources import Sources

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
    """

    shell: InteractiveShell
    sources: Sources
    book: HazardBook
    spans: deque[tuple[int, int, int, str]] = field(default_factory=lambda: deque(maxlen=MAX_CELLS))
    dated: dict[tuple[int, int], Writing] = field(default_factory=dict)

    def tell(self, error: BaseException | None, after: Aftermath, foretold: tuple[Hazard, ...]) -> tuple[Hazard, ...]:
        """Tell what a cell died of, before the hazards that are still ahead."""
        GUARD.run("who wrote", self._keep, after.cell, default=None)
        GUARD.run("who wrote", self._date, after.cell, default=None)
        died_of = GUARD.run("explaining an error", self._explain, error, after, default=None)
        if died_of is None:
            return foretold
        told = [one for one in foretold if _is_told_by(died_of, one)]
        ahead = [one for one in foretold if one not in told]
        happened = _as_foretold(died_of, told)
        self.book.note_failure(Turn(cell=after.cell.count, hazard=happened), ahead)
        return (happened, *ahead)

    def _keep(self, cell: RunningCell) -> None:
        """Keep which nodes a cell built; of the sources, no more than there is room for, those of the oldest go."""
        self.spans.append((cell.ledger.numbers[0], next_sequence_number(), cell.count, cell.plain))
        size = sum(len(plain) for *_, plain in self.spans)
        while size > MAX_CHARACTERS and len(self.spans) > 1:
            size -= len(self.spans.popleft()[-1])

    def cell_of(self, sequence: int) -> int | None:
        """Tell the cell that built a node; None where it was not watched."""
        return next((count for first, last, count, _ in reversed(self.spans) if first <= sequence < last), None)

    def plain_of(self, cell: int) -> str:
        """Give the source of a cell."""
        return next((plain for _, _, count, plain in reversed(self.spans) if count == cell), "")

    def _explain(self, error: BaseException | None, after: Aftermath) -> Hazard | None:
        found = None if error is None else find_complaint(error)
        if error is None or found is None:
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
        for key in [*islice(self.dated, max(0, len(self.dated) - MAX_DATED))]:
            del self.dated[key]


def _is_told_by(died_of: Hazard, one: Hazard) -> bool:
    """Tell a hazard that was foretold and has come true; it is still ahead, and is told again after the next cell."""
    is_same_write = one.written_at is not None and one.written_at == died_of.written_at
    is_same_node = one.node is not None and one.node == died_of.node
    is_same = is_same_write or is_same_node or not {*died_of.paths[:1]}.isdisjoint(one.paths)
    return is_same and one.code == died_of.code


def _as_foretold(died_of: Hazard, told: Sequence[Hazard]) -> Hazard:
    """Take over how it was foretold where it did, so that it is the same hazard as before and as after."""
    for one in told:
        if _facts(one) == _facts(died_of):
            return replace(died_of, saved_at=one.saved_at, written_at=one.written_at)
    return died_of


def _facts(one: Hazard) -> object:
    return one.op, place_of(one.saved_at), place_of(one.written_at)
