"""The watcher: the one mutable object. It looks after every cell and keeps the report."""

from __future__ import annotations

import math
import time
import traceback
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..capture.archive import Archive
from ..capture.collector import quiet_collector
from ..capture.freezer import Freezer
from ..capture.observer import Observation, Observer
from ..capture.steps import StepRecorder
from ..core.blame import Verdict
from ..core.judge import judge
from ..core.records import Cell
from ..core.report import Report
from .cells import Sources, cell_of, count_now, count_of, notebook_files, plain_source, user_variables
from .failure import Aftermath, FailureBook
from .freezing import Freezing
from .hazards import HazardBook
from .heading import may_request, requested
from .inquiry import inquire
from .recording import SECONDS as RECORDING_SECONDS
from .recording import record
from .running import RunningCell
from .transform import ProbeTransformer, transformers

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

    from ..capture.ledger import Ledger
    from ..core.diff import Difference
    from ..core.records import Change, Status
    from .config import TensorWatch
    from .options import DiffOptions

LAYOUT_SHARE = 0.001
"""Share of a cell's run time that may be spent on layouts that hardly anything changes without another trace."""


@dataclass(slots=True, eq=False, repr=False)
class Watcher:
    """Looks after every cell.

    Attributes
    ----------
    report
        The last cell's report; None before the first cell.
    on_report
        Called with each report, to show it.
    last_error
        What went wrong on our side, for `%tensorwatch status`.
    asked
        The options of `%%tensordiff`, where the last cell ran under it.
    observed
        What was seen after the last cell.
    """

    shell: InteractiveShell
    settings: TensorWatch
    on_report: Callable[[Report], None]
    report: Report | None = None
    last_error: str | None = None
    observer: Observer = field(default_factory=Observer)
    sources: Sources = field(default_factory=Sources)
    history: deque[tuple[int, Change]] = field(default_factory=deque)
    transformer: ProbeTransformer = field(default_factory=ProbeTransformer)
    archive: Archive = field(default_factory=Archive)
    steps: StepRecorder = field(init=False)
    hazards: HazardBook = field(default_factory=HazardBook)
    failures: FailureBook = field(init=False)
    freezing: Freezing = field(init=False)
    running: RunningCell | None = None
    asked: DiffOptions | None = None
    observed: Observation | None = None
    _depth: int = 0
    _ended: float = 0.0
    _cost: float = 0.0

    def __post_init__(self) -> None:
        """Prepare the recorder of optimizer steps, the freezer, and the book of failures."""
        self.failures = FailureBook(shell=self.shell, sources=self.sources, book=self.hazards)
        self.freezing = Freezing(self.shell, Freezer(self.observer.lens.storages))
        self.steps = StepRecorder(
            lambda: (ledger.current, ledger.is_blurred) if (ledger := self._ledger) else (None, False),
            lambda name: cell_of(self.shell, name) is not None,
        )

    @property
    def _ledger(self) -> Ledger | None:
        return self.running.ledger if self.running else None

    @property
    def is_running(self) -> bool:
        """Whether a cell runs under watch."""
        return self.running is not None

    def start(self) -> None:
        """Register with the shell and PyTorch, and take the snapshot that the first cell is compared with."""
        self.steps.open()
        transformers(self.shell).append(self.transformer)
        self.shell.events.register("pre_run_cell", self._before_cell)
        self.shell.events.register("post_run_cell", self._after_cell)
        self._take_stock()

    def stop(self) -> None:
        """Leave nothing behind."""
        self.steps.close()
        self._stop_seeing_lines()
        self._stop_recording()
        self.freezing.give_up()
        if self._depth:
            self.transformer.retire(self.shell)
        else:
            self.transformer.disarm()
        if self.transformer in transformers(self.shell):
            transformers(self.shell).remove(self.transformer)
        for event, callback in (("pre_run_cell", self._before_cell), ("post_run_cell", self._after_cell)):
            if callback in self.shell.events.callbacks[event]:
                self.shell.events.unregister(event, callback)

    def _take_stock(self) -> None:
        """Look without reporting: at the start, and after the cell that loaded us."""
        self.observer.budget.grant(self.settings.budget_limit)
        count = count_now(self.shell)
        observed = self.observer.look(user_variables(self.shell), count)
        self.archive.lose(observed, count)
        self.report = self.report or Report(
            cell=Cell(count=count, source="", status="ok", duration=0.0, overhead=0.0),
            snapshot=observed.shot.snapshot,
            coverage=observed.coverage,
        )

    def _before_cell(self, info: ExecutionInfo) -> None:
        self._depth += 1
        if self._depth > 1:
            return
        self.freezing.begin()
        if not (self.settings.enabled or may_request(info.raw_cell or "")):
            return
        began = time.perf_counter()
        try:
            with quiet_collector():
                self._begin(info, began)
        except Exception as error:  # noqa: BLE001  (the user's cell runs whatever we meet)
            self._give_up(error)

    def _begin(self, info: ExecutionInfo, began: float) -> None:
        raw = info.raw_cell or ""
        plain, offset = plain_source(self.shell, raw, getattr(info, "transformed_cell", None))
        options = requested(raw, plain)
        if not self.settings.enabled:
            self._take_stock()
        count = count_of(self.shell, info)
        outside = self._look_outside(began, count, thorough=options is not None)
        if "resize" in plain or "%run" in raw:
            self.observer.lens.release_arrays()  # NumPy refuses to resize an array that is weakly referenced
        self.steps.seen.clear()
        self.running = RunningCell(
            count=count,
            source=raw,
            plain=plain,
            offset=offset,
            names=self.shell.user_ns,
            files=notebook_files(self.shell),
            observer=self.observer,
            settings=self.settings,
            peek=lambda: self.observer.lens.peek(user_variables(self.shell)),
            functions_give_memory=self.sources.give_memory,
            functions_hide_writes=self.sources.hide_writes,
            outside=outside,
        )
        self.guard()
        if self.settings.probes:
            self.transformer.arm(self.running.instrument)
        if options is not None:
            self.record(options)
        self.running.began = time.perf_counter()
        self.running.overhead = self.running.began - began

    def guard(self) -> None:
        """Let nobody write to what is frozen, from here to the end of the cell that runs."""
        if self._depth:
            self.freezing.guard(self.running)

    def record(self, options: DiffOptions) -> None:
        """Record the operators of the cell that runs."""
        if self.running is not None and self.running.recording is None:
            self.running.recording = record(self.shell, self.running, options)
            self.running.recording.open(self.running)

    def _look_outside(self, now: float, count: int, *, thorough: bool) -> tuple[Change, ...]:
        """Look for writes since the last cell, where that costs little against the time that has passed."""
        allowance = RECORDING_SECONDS if thorough else (now - self._ended) * self.settings.idle_share
        if not self._ended or self._cost > allowance:
            return ()
        self.observer.budget.grant(allowance)
        before = self.observer.shot.snapshot
        observed = self.observer.look(user_variables(self.shell), count)
        self.archive.add(observed, before, count)
        return judge(observed.found, lambda _: Verdict(cause="outside", sites=(), via=()))

    def _after_cell(self, result: ExecutionResult) -> None:
        self._depth = max(0, self._depth - 1)
        if self._depth:
            return
        self.freezing.end(result)
        if not (self.settings.enabled or self.running):
            return
        began = time.perf_counter()
        self.transformer.disarm()
        self._stop_seeing_lines()
        try:
            self._stop_recording()
            cell, self.running = self.running, None
            with quiet_collector():  # what we make and drop again must not set off a look at all of the user's objects
                if cell is None:
                    self._take_stock()
                else:
                    self._finish(cell, result, began)
        except Exception as error:  # noqa: BLE001  (the user's cell has run; its outcome stands)
            self._give_up(error)
        self._ended = time.perf_counter()
        self._cost = self._ended - began

    def _finish(self, cell: RunningCell, result: ExecutionResult, began: float) -> None:
        duration = began - cell.began
        self.asked = cell.recording.options if cell.recording else None
        self.sources.add(cell.count, cell.plain)
        self.sources.adopt(cell.files, cell.known, cell.count)
        self.observer.budget.limit = self.settings.budget_limit
        self.observer.budget.grant(self.settings.budget_floor + self.settings.budget_share * duration)
        if cell.recording:
            self.observer.budget.grant(RECORDING_SECONDS)
        patience = math.inf if self.sources.give_memory else LAYOUT_SHARE * duration
        observed = self.observer.look(user_variables(self.shell), cell.count, patience, cell.ledger.past)
        self._archive(cell, observed)
        cell.ledger.finish(observed)
        found = observed.found
        if cell.recording:
            cell.recording.conclude(cell, observed, self.sources.files(self.shell))
            found = cell.recording.sharpen(observed, self.observer)
        explain = self._explainer(cell, observed)
        changes = (*cell.outside, *judge(found, explain))
        hazards = self.hazards.follow(cell, observed, self.observer.graphs, changes, explain)
        self._remember(cell.count, changes)
        after = Aftermath(cell=cell, observed=observed, explain=explain, history=self.history)
        hazards = self.failures.tell(result.error_in_exec, after, hazards)
        if cell.recording:
            cell.recording.release(cell)
        cell.ledger.forget()
        self.observed = observed
        self.report = Report(
            cell=Cell(
                count=cell.count,
                source=cell.source,
                status=_status(result),
                duration=duration,
                overhead=cell.overhead + cell.ledger.allowance.spent + time.perf_counter() - began,
            ),
            snapshot=observed.shot.snapshot,
            changes=changes,
            hazards=hazards,
            turns=self.hazards.turned,
            coverage=observed.coverage,
            writes=cell.recording.writes if cell.recording else (),
        )
        self.on_report(self.report)

    def _archive(self, cell: RunningCell, observed: Observation) -> None:
        """Keep the bytes that the cell has overwritten, and those that the next one may overwrite."""
        self.archive.limit = self.settings.restore_budget
        self.archive.add(observed, cell.ledger.before.snapshot, cell.count)
        self.archive.prepare(observed.shot.blocks, self.observer.prints.marks, self.observer.budget)

    def _explainer(self, cell: RunningCell, observed: Observation) -> Callable[[Difference], Verdict]:
        blame = None

        def explain(difference: Difference) -> Verdict:
            nonlocal blame
            blame = blame or inquire(self.shell, cell, observed, self.steps, self.sources)
            return blame.explain(difference)

        return explain

    def _remember(self, count: int, changes: tuple[Change, ...]) -> None:
        self.history.extend((count, change) for change in changes if change.kind not in ("bound", "unbound"))
        while len(self.history) > self.settings.history_length:
            self.history.popleft()

    def _give_up(self, error: Exception) -> None:
        """Note what went wrong; the next cell is watched again."""
        self.last_error = "".join(traceback.format_exception(error))
        self._stop_recording()
        self._stop_seeing_lines()
        self.running = None
        self.transformer.disarm()

    def _stop_seeing_lines(self) -> None:
        if self.running:
            self.running.ledger.end()

    def _stop_recording(self) -> None:
        if self.running and self.running.recording:
            self.running.recording.close()


def _status(result: ExecutionResult) -> Status:
    error = result.error_in_exec or result.error_before_exec
    if error is None:
        return "ok"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "error"
