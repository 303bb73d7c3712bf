"""Try the fixes of the last report on copies, when somebody asks for it."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import islice
from time import thread_time
from typing import TYPE_CHECKING, cast

from ..capture.runtime.threads import runs_in_other_threads
from ..capture.trial.given_values import MOST_BYTES, KnownPast
from ..capture.trial.run_trial import Tried, run_trial
from ..core.fixes.alternative_fixes import alternative_fixes, needs_trial
from ..core.fixes.replay import Replay, plan_hazard, plan_replay
from ..core.fixes.silent_change_fix import change_fixes
from ..core.hazards.hazard import Hazard
from ..core.runtime.deadline import Deadline
from ..core.runtime.guard import GUARD
from ..core.runtime.record import mutable
from .ipython.cell_sources import user_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..capture.trial.trial_namespace import TrialVerdict
    from ..core.hazards.fix import Fix
    from ..core.records.report_parts import Change
    from ..render.report import Report
    from .watcher import Watcher

SECONDS = 0.5
"""The processor time for all trials of one report, in seconds: what else the machine does plays no part."""
MOST_OTHERS = 6
"""How many other fixes are tried where the first one does not prove safe."""


def prove_fixes(watcher: Watcher, report: Report) -> Report:
    """Try each fix of a report once, in the main thread and within the time limit; the report keeps what was found."""
    if threading.current_thread() is threading.main_thread():
        several = _Trials(watcher, report, SECONDS)
        needs: list[tuple[Change | Hazard, Fix]] = [*report.possible_fixes.items()]
        needs += [(one, report.fix_of(one)) for one in report.hazards]
        for one, fix in needs:
            key = one.key if isinstance(one, Hazard) else one
            if (fix.edits or isinstance(one, Hazard)) and key not in report.tried:
                report.tried[key] = GUARD.run("trying-fix", several.settle, one, fix, default=cast("Fix | None", fix))
    return report


@mutable
class _Trials:
    """The trials of one report, and the seconds that are left for them."""

    watcher: Watcher
    report: Report
    seconds: float

    def settle(self, one: Change | Hazard, fix: Fix) -> Fix | None:
        """Return the fix to offer: the first that is safe, else the first that mends; None if none does."""
        began = thread_time()
        try:
            return self._settle(one, fix)
        finally:
            self.seconds -= thread_time() - began  # planning takes time too

    def _settle(self, one: Change | Hazard, fix: Fix) -> Fix | None:
        is_guess = not isinstance(one, Hazard) and one in self.report.found_fixes.guesses
        if self.seconds <= 0:
            return None if is_guess or needs_trial(one, fix) else fix
        found: TrialVerdict = self._try(one, fix) if fix.edits else "useless"
        if found == "unknown":
            return None if is_guess else fix
        if found == "late":
            return None if is_guess or needs_trial(one, fix) else fix
        mending = [fix] if found in ("safe", "unsafe") else []
        is_settled = found == "safe" or (bool(mending) and self._mends_others(one, fix))
        others = iter(()) if is_settled else _other_fixes(self.report, one, fix, self.seconds)
        for other in islice(others, MOST_OTHERS):
            found = self._try(one, other)
            if found == "safe":
                fix = other
                break
            mending += [other] if found == "unsafe" else []
        return replace(fix, applicability="safe") if found == "safe" else next(iter(mending), None)

    def _mends_others(self, one: Change | Hazard, fix: Fix) -> bool:
        """Return whether a fix mends other changes too: another one of this change alone would leave them."""
        fixes = self.report.possible_fixes.items()
        return any(each != one and other.edits == fix.edits for each, other in fixes)

    def _try(self, one: Change | Hazard, fix: Fix) -> TrialVerdict:
        tried = self._run(one, fix)
        self.seconds -= tried.seconds
        return tried.verdict

    def _run(self, one: Change | Hazard, fix: Fix) -> Tried:
        if runs_in_other_threads():
            return Tried("unknown")
        if self.seconds <= 0:
            return Tried("late")
        replay = _plan(self.report, one, fix)
        if replay is None or (replay.given and self._has_begun()) or _has_large(self.report, replay.names):
            return Tried("unknown")
        if not replay.cells.isdisjoint(self.watcher.sources.slow):
            return Tried("late")
        observer = self.watcher.observer
        names = user_variables(self.watcher.shell)
        past = KnownPast(
            snapshotter=observer.snapshotter, archive=self.watcher.archive, waiting=observer.prints.waiting
        )
        return run_trial(replay, names, past, self.seconds)

    def _has_begun(self) -> bool:
        """Return whether the running cell may have changed variables already."""
        cell = self.watcher.running
        return cell is not None and cell.write_log.current not in (None, 0)


def _plan(report: Report, one: Change | Hazard, fix: Fix) -> Replay | None:
    if isinstance(one, Hazard):
        beside = [other for other in report.hazards if other.saved_at is not None and other.node != one.node]
        return plan_hazard(one, fix, report.cell.count, report.sources, has_others=bool(beside))
    mends = [each.path for each, other in report.possible_fixes.items() if other.edits == fix.edits or each == one]
    return plan_replay(one, fix, mends, report.cell.count, report.sources)


def _other_fixes(report: Report, one: Change | Hazard, fix: Fix, seconds: float) -> Iterator[Fix]:
    """Yield what else may mend a silent change or a hazard, and is offered only if a trial proves it."""
    if isinstance(one, Hazard):
        others = [other for other in report.hazards if other.key != one.key]
        return alternative_fixes(one, fix, report.sources, others)
    found = change_fixes(one, report.fix_context, Deadline.after(seconds))
    return (other for other in found if other.edits != fix.edits)


def _has_large(report: Report, names: frozenset[str]) -> bool:
    """Return whether variables of a trial hold tensors too large to make again."""
    found = (one for path, one in report.snapshot.entries() if path.root in names)
    return any(one.nbytes > MOST_BYTES for one in found)
