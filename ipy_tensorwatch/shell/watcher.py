"""The watcher: the one mutable object. It observes every cell and keeps the last report."""

from __future__ import annotations

import math
import threading
from contextlib import suppress
from functools import partial
from time import perf_counter, thread_time
from typing import TYPE_CHECKING

from ..capture.changed_values import values_of
from ..capture.compare.element_diff import EXAMPLES
from ..capture.objects.inspect_object import refers_weakly
from ..capture.observer import Observer
from ..capture.protect.byte_archive import Archive
from ..capture.protect.freezer import Freezer
from ..capture.running.optimizer_steps import StepRecorder
from ..core.interpreter.reached_definitions import words_reached
from ..core.interpreter.statement_effects import forget_effects
from ..core.records.report_parts import Cell
from ..core.runtime.guard import GUARD
from ..core.runtime.record import field, mutable
from ..render.wording.not_frozen import stopped
from .cell.ended_cell import EndedCell, UnsettledCells, archive, grant_time, sharpen
from .cell.freeze import Freezing
from .cell.late_error import deliver_late
from .cell.operator_recording import RECORDING_SECONDS, record_operators
from .cell.outcome import record_of, report_failure, report_nothing, unwatched
from .cell.overlapping_cells import RunningCells
from .cell.reporter import Reporter
from .cell.running_cell import RunningCell
from .ipython.cell_sources import Sources, cell_of, plain_source, user_variables
from .ipython.ipython_private import FILES, LAST_RESULT, count_ahead, count_now, error_of, expect_file
from .ipython.probe_transformer import ProbeTransformer, transformers
from .ipython.tensordiff_header import may_request, requested

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

    from ..capture.snapshot.snapshotter import Shot
    from ..core.records.report_parts import Values
    from ..core.records.snapshots.differences import Found
    from ..render.report import Report
    from .ipython.magic_options import DiffOptions
    from .ipython.settings import TensorWatch
    from .ipython.waiting_clear import WaitingClears

LAYOUT_SHARE = 0.001
"""Share of a cell's run time for checking layouts, which rarely change without other evidence."""

COLD = 4
"""How many times as long looks take in the first cell, when none of our code has run yet, as measured."""


@mutable(eq=False)
class Watcher:
    """Observes every cell through IPython's hooks.

    Attributes
    ----------
    on_report
        Called with each report, to show it.
    clears
        Listens to the output of running cells.
    asked
        The `%%tensordiff` options of the last cell; None if it ran without.
    restored
        By cell that ran `%tensorwatch restore`, the cell before which the bytes had been.
    """

    shell: InteractiveShell
    settings: TensorWatch
    on_report: Callable[[Report], None]
    clears: WaitingClears
    observer: Observer = field(default_factory=Observer)
    sources: Sources = field(default_factory=Sources)
    reporter: Reporter = field(init=False)
    transformer: ProbeTransformer = field(init=False)
    archive: Archive = field(default_factory=Archive)
    cells: RunningCells = field(default_factory=RunningCells)
    steps: StepRecorder = field(init=False)
    freezing: Freezing = field(init=False)
    asked: DiffOptions | None = None
    restored: dict[int, int] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    unsettled: UnsettledCells = field(default_factory=UnsettledCells)
    _ended: float = 0.0
    _cost: float = 0.0
    _slowness: int = COLD

    def __post_init__(self) -> None:
        """Create the parts that need the shell or each other."""
        self.transformer = ProbeTransformer(self.shell)
        storages, borrowed = self.observer.snapshotter.storages, self.observer.borrowed_memory
        freezer = Freezer(stopped, storages, lambda: borrowed.lost(storages))
        self.freezing = Freezing(self.shell, freezer, self.clears)
        self.steps = StepRecorder(
            lambda: cell.write_log.current if (cell := self.running) else None,
            lambda frame: cell.statement_at(frame) if (cell := self.running) else None,
            lambda name: cell_of(self.shell, name) is not None,
        )
        self.reporter = Reporter(self.shell, self.sources, self.steps)

    @property
    def report(self) -> Report | None:
        """The last cell's report; None before the first cell."""
        return self.reporter.report

    def values_of(self, path: str) -> Values | None:
        """Return what a change shows of its values, from before and after the last cell."""
        return values_of(path, self.reporter.observed, self.observer.prints)

    @property
    def running(self) -> RunningCell | None:
        """The watched cell that runs in this thread, or None."""
        return self.cells.mine

    @property
    def is_running(self) -> bool:
        """True if a watched cell runs in this thread."""
        return self.running is not None

    def start(self) -> None:
        """Register hooks with the shell and PyTorch, and take the snapshot that the first cell is compared with."""
        self.steps.open()
        self.shell.events.register("pre_run_cell", self._before_cell)
        self.shell.events.register("post_run_cell", self._after_cell)
        GUARD.run("at-start", self._take_stock, default=None)

    def stop(self) -> None:
        """Remove all hooks and records; what running cells still need goes when they end."""
        for name, callback in (("pre_run_cell", self._before_cell), ("post_run_cell", self._after_cell)):
            with suppress(ValueError):  # it is not registered any more
                self.shell.events.unregister(name, callback)
        if self.cells.any_running:
            self.shell.events.register("post_run_cell", self._after_last_cell)
        for step in (
            self.transformer.go,
            self.steps.close,
            self._close_cell,
            self.freezing.give_up,
            self.transformer.retire,
            self.clears.end,
            self._forget,
        ):
            GUARD.run("at-end", step, default=None)

    def _after_last_cell(self, _: object) -> None:
        """Clean up after a cell that was running when the watcher stopped."""
        if not self.cells.leave():
            return
        for step in (self._close_cell, self.freezing.freezer.close, self.transformer.disarm, self.clears.end):
            GUARD.run("after-cell", step, default=None)
        if not self.cells.any_running:
            self.shell.events.unregister("post_run_cell", self._after_last_cell)

    def _forget(self) -> None:
        """Drop all copies and records at once, without waiting for the garbage collector."""
        self.observer, self.archive = Observer(), Archive()
        self.reporter.forget()
        self.unsettled = UnsettledCells()
        self.restored.clear()
        forget_effects()

    def _take_stock(self) -> None:
        """Take a snapshot without reporting changes: at the start, and where the last cell was not watched."""
        self.observer.budget.grant(self.settings.budget_limit)
        count = count_now(self.shell)
        observed = self.observer.look(user_variables(self.shell), count)
        self.archive.lose(observed, count)
        cell = Cell(count=count, source="", status="ok", duration=0.0, overhead=0.0)
        self.reporter.report = self.report or report_nothing(cell, observed.shot.snapshot, observed.coverage)

    def _before_cell(self, info: ExecutionInfo) -> None:
        GUARD.run("before-cell", self._open, info, default=None)

    def _open(self, info: ExecutionInfo) -> None:
        if self.cells.is_over(LAST_RESULT.of(self.shell)):  # its `post_run_cell` hook was cut short
            self.cells.forget()
            self._give_up()
        GUARD.run("comparing-devices", self.complete, default=None)
        if not self.cells.enter(info):
            return
        self.transformer.come()
        GUARD.run("before-clearing", self.clears.begin, default=None)
        GUARD.run("keeping-frozen", self.freezing.begin, default=None)
        if not (self.settings.enabled or may_request(info.raw_cell or "")):
            self.observer.snapshotter.release_arrays()
            return
        try:
            with self._lock:
                self._begin(info, perf_counter())
        except BaseException:
            self._give_up()
            raise

    def _begin(self, info: ExecutionInfo, began: float) -> None:
        raw = info.raw_cell or ""
        plain, offset = plain_source(self.shell, raw, getattr(info, "transformed_cell", None))
        options = requested(raw, plain)
        if not self.settings.enabled:
            self._take_stock()
        count = count_ahead(self.shell, is_stored=bool(info.store_history))
        expect_file(self.shell, raw, plain, count)
        outside = self._look_outside(began, count, thorough=options is not None)
        if self.cells.others:
            self._share(outside)
            outside = ()
        if "%run" in raw or self.sources.resizing.may_run(plain, self.shell.user_ns):
            self.observer.snapshotter.release_arrays()  # NumPy refuses to resize an array that is weakly referenced
        self.steps.forget({one.thread for one in self.cells.others})
        cell = RunningCell(
            count=count,
            source=raw,
            plain=plain,
            offset=offset,
            names=self.shell.user_ns,
            files=FILES.of(self.shell),
            observer=self.observer,
            settings=self.settings,
            peek=self._peek,
            lock=self._lock,
            functions_give_memory=self.sources.give_memory,
            functions_hide_writes=self.sources.hide_writes,
            functions_assign_gradients=self.sources.assign_gradients,
            outside=outside,
        )
        cell.write_log.look_budget.floor *= self._slowness
        self._slowness = 1
        self.cells.put(cell)
        self._name_large(plain)
        self.guard()
        if self.settings.probes:
            is_typed = len(transformers(self.shell)) == 1
            self.transformer.arm(partial(cell.instrument, is_typed=is_typed))
        if options is not None:
            self.record(options)
        cell.began, cell.thread_began = perf_counter(), thread_time()
        cell.overhead = cell.began - began

    def _name_large(self, plain: str) -> None:
        """Let large variables without tensors be passed by that no running cell leads to."""
        seen = self.observer.snapshotter
        if seen.has_large:
            words = None if self.cells.others else words_reached(plain, self.sources.definitions)
            variables = user_variables(self.shell)
            if words is None or any(refers_weakly(variables.get(one)) for one in words):
                words = frozenset(variables)
            seen.words = words

    def _peek(self) -> Shot:
        with self._lock:
            return self.observer.snapshotter.peek(user_variables(self.shell))

    def guard(self) -> None:
        """Enforce freezing from now to the end of the running cell."""
        if self.cells.any_running:
            self.freezing.guard(self.running)

    def record(self, options: DiffOptions) -> None:
        """Start recording the operators of the running cell, if that is not on yet."""
        running = self.running
        if running is not None and running.recording is None:
            running.recording = record_operators(FILES.of(self.shell), running.observer, running.write_log, options)
            running.recording.open(running.observer, running.write_log)

    def _look_outside(self, now: float, count: int, *, thorough: bool) -> Sequence[Found]:
        """Return the differences since the last cell, if a look is cheap against the time that has passed."""
        allowance = RECORDING_SECONDS if thorough else (now - self._ended) * self.settings.idle_share
        if not self._ended or self._cost > allowance or self.unsettled.cells:
            return ()
        self.observer.budget.grant(allowance)
        before = self.observer.shot.snapshot
        observed = self.observer.look(user_variables(self.shell), count)
        self.archive.add(observed, before, count)
        return observed.found

    def _share(self, found: Sequence[Found]) -> None:
        """Add differences to the running cells of other threads: the next look will not find them again."""
        for cell in self.cells.others if found else ():
            cell.meanwhile.append(found)

    def _after_cell(self, result: ExecutionResult | None) -> None:
        if GUARD.run("after-cell", self._end, result, default=True) and GUARD.signals.arrived:
            deliver_late(self.shell, result)

    def _end(self, result: ExecutionResult | None) -> bool:
        """Finish a cell and show its report; return False if it is nested in another cell, or blank."""
        if result is not None and result.info is not None and not (result.info.raw_cell or "").strip():
            return False  # IPython does not announce a blank cell
        if not self.cells.leave():
            return False
        GUARD.run("after-cell", self._finish_cell, result, default=None)
        GUARD.run("before-clearing", self.clears.end, default=None)
        GUARD.signals.recall()
        return True

    def _finish_cell(self, result: ExecutionResult | None) -> None:
        began = perf_counter()
        cell = self.running
        for step in (self.transformer.disarm, self._close_cell, partial(self.freezing.end, result)):
            GUARD.run("after-cell", step, default=None)
        if not (self.settings.enabled or cell):
            return
        with self._lock:
            was_missed = self.cells.was_missed()
            if cell is None:
                GUARD.run("after-cell", self._take_stock, default=None)
            elif not GUARD.run("after-cell", self._finish, cell, result, began, default=False):
                self.reporter.report = report_failure(record_of(cell, result, began), self.observer.shot.snapshot)
                GUARD.run("after-cell", cell.forget, default=None)
            if was_missed:
                self.reporter.report = report_failure(
                    unwatched(count_now(self.shell), result), self.observer.shot.snapshot
                )
        self._ended = perf_counter()
        self._cost = self._ended - began
        if (cell is not None or was_missed) and self.report is not None:
            GUARD.run("showing-report", self.on_report, self.report, default=None)

    def _finish(self, cell: RunningCell, result: ExecutionResult | None, began: float) -> bool:
        duration = began - cell.began
        self.asked = cell.recording.options if cell.recording else None
        self.sources.add(cell.count, cell.plain, thread_time() - cell.thread_began if error_of(result) is None else 0.0)
        self.sources.adopt(cell.files, cell.known, cell.count)
        grant_time(self.observer, cell, duration)
        patience = math.inf if self.sources.give_memory else LAYOUT_SHARE * duration
        examples = cell.recording.options.values if cell.recording else EXAMPLES
        observed = self.observer.look(user_variables(self.shell), cell.count, patience, cell.write_log.past, examples)
        self._share(observed.found)
        GUARD.run("keeping-copies", archive, cell, observed, self.archive, default=None)
        GUARD.run("finding-writer", cell.write_log.finish, observed, default=None)
        observed = GUARD.run("finding-writer", sharpen, cell, observed, self.sources, self.shell, default=observed)
        self.complete()  # an earlier cell's digests may have arrived with this one's
        ended = EndedCell(cell, record_of(cell, result, began), observed, error_of(result), self.reporter.standing)
        self.reporter.conclude(ended, lambda: record_of(cell, result, began))
        self.unsettled.keep(ended)
        return True

    def complete(self) -> None:
        """Complete the reports of the last cells with the digests that have arrived from devices since they ended."""
        with self._lock:
            names = None if self.cells.any_running or not self.unsettled.cells else user_variables(self.shell)
            late = [*map(self.reporter.conclude_again, self.unsettled.settle(names, self.archive))]
        for report in late:
            if report.reasoning.silent or report.turns:
                GUARD.run("showing-report", self.on_report, report, default=None)

    def _give_up(self) -> None:
        """Drop a cell that could not be watched; the next one is watched again."""
        self.cells.miss()
        self._close_cell()
        self.transformer.disarm()

    def _close_cell(self) -> None:
        cell = self.cells.take()
        if cell is not None:
            cell.close()
