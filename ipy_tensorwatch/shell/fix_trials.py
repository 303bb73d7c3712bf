"""Try the fixes of the last report on copies, when somebody asks for it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from ..capture.host.other_threads import runs_in_other_threads
from ..capture.trial.given_values import MOST_BYTES, KnownPast
from ..capture.trial.run_trial import run_trial
from ..core.fixes.replay import plan_hazard, plan_replay
from ..core.hazards.hazard import Hazard
from ..core.host.guard import GUARD
from .ipython.cell_sources import user_variables

if TYPE_CHECKING:
    from ..core.fixes.replay import Replay
    from ..core.hazards.fix import Fix
    from ..core.model.records import Change
    from ..render.report import Report
    from .watcher import Watcher

SECONDS = 0.5
"""The time limit for all trials of one report, in seconds."""


@dataclass(frozen=True, slots=True)
class FixTrials:
    """Tries fixes; the report keeps what was found."""

    watcher: Watcher

    def prove(self, report: Report) -> Report:
        """Try each fix of a report once, in the main thread and within the time limit; return the report."""
        if threading.current_thread() is threading.main_thread():
            ends = perf_counter() + SECONDS
            needs: list[tuple[Change | Hazard, Fix]] = [*report.possible_fixes.items()]
            needs += [(one, report.fix_of(one)) for one in report.hazards]
            for one, fix in needs:
                key = one.key if isinstance(one, Hazard) else one
                if fix.edits and key not in report.tried:
                    report.tried[key] = GUARD.run("trying-fix", self._try, report, one, fix, ends, default="unknown")
        return report

    def _try(self, report: Report, one: Change | Hazard, fix: Fix, ends: float) -> str:
        if perf_counter() > ends or runs_in_other_threads():  # planning takes time too
            return "unknown"
        replay = _plan(report, one, fix)
        left = ends - perf_counter()
        if replay is None or left <= 0 or (replay.given and self._has_begun()) or _has_large(report, replay.names):
            return "unknown"
        if not replay.cells.isdisjoint(self.watcher.sources.slow):
            return "unknown"
        observer = self.watcher.observer
        names = user_variables(self.watcher.shell)
        past = KnownPast(lens=observer.lens, archive=self.watcher.archive, waiting=observer.prints.waiting)
        return run_trial(replay, names, past, left)

    def _has_begun(self) -> bool:
        """Return whether the running cell may have changed variables already."""
        cell = self.watcher.running
        return cell is not None and cell.ledger.current not in (None, 0)


def _plan(report: Report, one: Change | Hazard, fix: Fix) -> Replay | None:
    if isinstance(one, Hazard):
        return plan_hazard(one, fix, report.cell.count, report.sources)
    mends = [each.path for each, other in report.possible_fixes.items() if other.edits == fix.edits]
    return plan_replay(one, fix, mends, report.cell.count, report.sources)


def _has_large(report: Report, names: frozenset[str]) -> bool:
    """Return whether variables of a trial hold tensors too large to make again."""
    found = (one for path, one in report.snapshot.entries() if path.root in names)
    return any(one.nbytes > MOST_BYTES for one in found)
