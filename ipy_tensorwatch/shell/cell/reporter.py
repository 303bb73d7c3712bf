"""The report of each cell, and what the reports of later cells need of it."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.blame.past_changes import PastChanges
from ...core.explain.explain_error import explain_error
from ...core.explain.node_log import NodeLog
from ...core.fixes.word_fixes import word_fixes
from ...core.hazards.find_hazards import find_hazards
from ...core.hazards.optimizers.optimizer_wiring import may_be_unregistered
from ...core.hazards.standing_hazards import Standing
from ...core.origins.origins import Origins
from ...core.origins.path_histories import PathHistories
from ...core.runtime.guard import GUARD
from ...core.runtime.record import field, mutable
from ...render.report import Report
from .take_trace import SessionState, read_notebook, reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from ...capture.observer import Observation
    from ...capture.running.optimizer_steps import StepRecorder
    from ...core.blame.reasoning import Reasoning
    from ...core.hazards.hazard import Hazard, Turn
    from ...core.records.report_parts import Cell
    from ..ipython.cell_sources import Sources
    from .ended_cell import EndedCell

TURNS = 1000
"""How many turns (beginnings and ends of hazards) are kept."""


@mutable(eq=False)
class Reporter:
    """Reasons about each cell that has ended, and keeps what came of it.

    Attributes
    ----------
    report
        The last cell's report; None before the first cell.
    observed
        The observation after the last cell.
    standing
        The hazards that stand after it.
    """

    shell: InteractiveShell
    sources: Sources
    steps: StepRecorder
    report: Report | None = None
    observed: Observation | None = None
    history: PastChanges = field(default_factory=PastChanges)
    origins: PathHistories = field(default_factory=PathHistories)
    standing: Standing = field(default_factory=Standing)
    turns: deque[Turn] = field(default_factory=lambda: deque(maxlen=TURNS))
    nodes: NodeLog = field(default_factory=NodeLog)

    def conclude(self, ended: EndedCell, now: Callable[[], Cell]) -> None:
        """Reason about the cell that ended last.

        Parameters
        ----------
        now
            Returns the record of the cell with what it has cost until it is called.
        """
        self.report = replace(self._conclude(ended, self.history.add), cell=now())

    def conclude_again(self, ended: EndedCell) -> Report:
        """Return the report of a cell of which more is known now; that of the last cell is replaced by it."""
        if self.report is None or self.report.cell.count != ended.record.count:
            return Report(cell=ended.record, reasoning=self._reason(ended, self.history.amend))
        for _ in self.report.turns:
            self.turns.pop()
        self.report = self._conclude(ended, self.history.amend)
        return self.report

    def forget(self) -> None:
        """Drop all records."""
        self.report = self.observed = None
        self.history.clear()
        self.standing, self.origins = Standing(), PathHistories()
        self.turns.clear()
        self.nodes = NodeLog()

    def _conclude(self, ended: EndedCell, add: Callable[[Reasoning, int], None]) -> Report:
        """Reason about a cell and return its report."""
        self.standing, self.observed = ended.standing, ended.observed
        reasoning = self._reason(ended, add)
        none: tuple[Hazard, ...] = ()
        hazards = GUARD.run("finding-hazards", self._tell_hazards, reasoning, ended, default=none)
        GUARD.run("finding-writer", self.origins.add, reasoning.trace, default=None)
        origins, sources = Origins.now(self.origins, ended.observed.shot.snapshot), self.sources.plain
        known = hazards, self.standing, reasoning.trace.after, sources, origins
        hazards, self.standing = GUARD.run("finding-fix", word_fixes, *known, default=known[:2])
        self.turns.extend(self.standing.turned)
        return Report(
            cell=ended.record,
            reasoning=reasoning,
            hazards=hazards,
            turns=self.standing.turned,
            origins=origins,
            sources=sources,
        )

    def _reason(self, ended: EndedCell, add: Callable[[Reasoning, int], None]) -> Reasoning:
        session = SessionState(
            shell=self.shell,
            sources=self.sources,
            steps=self.steps,
            graphs=ended.running.observer.graphs,
            standing=self.standing,
        )
        reasoning = reason(session, ended.running, ended.record, ended.observed, ended.error)
        GUARD.run("finding-writer", add, reasoning, ended.running.settings.history_length, default=None)
        return reasoning

    def _tell_hazards(self, reasoning: Reasoning, ended: EndedCell) -> tuple[Hazard, ...]:
        self.standing = replace(self.standing, turned=())
        before = self.standing
        self.standing = find_hazards(reasoning, before)
        if may_be_unregistered(before.hazards, self.standing.hazards) and not reasoning.trace.notebook.modules:
            known = reasoning.with_notebook(read_notebook(self.shell, self.sources))
            self.standing = find_hazards(known, before)
        self.nodes.add(reasoning.trace, ended.running.observer.snapshotter.storages.references())
        foretold = self.standing.hazards, self.standing
        hazards, self.standing = GUARD.run(
            "explaining-error", explain_error, reasoning, self.standing, self.history, self.nodes, default=foretold
        )
        return hazards
