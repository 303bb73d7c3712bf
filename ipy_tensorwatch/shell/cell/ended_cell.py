"""A cell that has ended: what its report is made of, kept while digests are still to come from a device."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ...core.blame.evidence.recorded_writes import RecordedWrites
from ...core.runtime.guard import GUARD
from ...core.runtime.record import field, mutable, record
from ...core.syntax.inert_cells import is_inert
from .operator_recording import RECORDING_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from IPython.core.interactiveshell import InteractiveShell

    from ...capture.observer import Observation, Observer
    from ...capture.protect.byte_archive import Archive
    from ...core.hazards.standing_hazards import Standing
    from ...core.records.report_parts import Cell
    from ..ipython.cell_sources import Sources
    from .running_cell import RunningCell


@record(kw_only=False)
class EndedCell:
    """A cell, what was observed when it ended, and the hazards that stood before it."""

    running: RunningCell
    record: Cell
    observed: Observation
    error: BaseException | None
    standing: Standing


def grant_time(observer: Observer, cell: RunningCell, duration: float) -> None:
    """Grant the time budget for comparing bytes after a cell."""
    budget, settings = observer.budget, cell.settings
    budget.limit = settings.budget_limit
    budget.grant(settings.budget_floor + settings.budget_share * duration)
    if cell.recording:
        budget.grant(RECORDING_SECONDS)
    elif observer.is_heavy and is_inert(cell.plain):
        observer.spare()


@mutable
class UnsettledCells:
    """The cells that digests are still to come of, oldest first."""

    cells: list[EndedCell] = field(default_factory=list)

    def keep(self, ended: EndedCell) -> None:
        """Keep a cell if digests are still to come of it, else let go of its bytes."""
        if ended.running.observer.devices.is_waiting_for(ended.record.count):
            self.cells.append(ended)
        else:
            GUARD.run("after-cell", ended.running.forget, default=None)

    def settle(self, names: Mapping[str, object] | None, kept: Archive) -> Iterator[EndedCell]:
        """Yield each cell of which digests have arrived, with what they show; archive what it overwrote.

        Parameters
        ----------
        names
            The user's, if no cell has begun since the last one.
        """
        cells, self.cells = self.cells, []
        for one in cells:
            settle, count = one.running.observer.settle, one.record.count
            seen = GUARD.run("comparing-devices", settle, one.observed, count, names, default=None)
            ended = one if seen is None else replace(one, observed=seen)
            if seen is not None:
                before = one.running.write_log.before.snapshot
                GUARD.run("keeping-copies", kept.add_late, seen, before, count, default=None)
                GUARD.run("finding-writer", partial(one.running.write_log.finish, late=True), seen, default=None)
                yield ended
            self.keep(ended)


def sharpen(cell: RunningCell, observed: Observation, sources: Sources, shell: InteractiveShell) -> Observation:
    """Return what was observed, with the differences sharpened by the cell's recording if there is one."""
    if not cell.recording:
        return observed
    cell.recording.conclude(RecordedWrites(cell.count, cell.statements, sources.listing(shell)), observed)
    return replace(observed, found=cell.recording.sharpen(observed, cell.observer))


def archive(cell: RunningCell, observed: Observation, kept: Archive) -> None:
    """Archive the bytes that the cell overwrote, and prepare copies of what the next one may overwrite."""
    kept.limit, observer = cell.settings.restore_budget, cell.observer
    kept.add(observed, cell.write_log.before.snapshot, cell.count)
    if cell.beside:  # the bytes from before a cell are not those from before the last look
        kept.lose(observed, max(one.count for one in (cell, *cell.beside)))
    if observer.devices.is_short:
        kept.on_devices.give_up()
    kept.prepare(observed.shot.blocks, observer.prints.marks, observer.budget)
