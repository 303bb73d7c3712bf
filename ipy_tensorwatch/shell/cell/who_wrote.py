"""Say who wrote: the cell, one that ran beside it, or another thread."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ...capture.host.other_threads import names_in_other_threads
from ...core.blame.silent import Verdict
from ...core.host.guard import GUARD
from .blame_evidence import inquire

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ...capture.observer import Observation
    from ...capture.running.optimizer_steps import StepRecorder
    from ...core.blame.cause import Blame
    from ...core.model.diff import Difference
    from ..ipython.cell_sources import Sources
    from .overwritten_saves import Explain
    from .running_cell import RunningCell

OUTSIDE = Verdict(cause="outside", sites=(), via=())
NOT_EXPLAINED = Verdict(cause="call", sites=(), via=())
"""What is told of a change of which our own error left no more than that it happened."""


def explainer(
    shell: InteractiveShell, cell: RunningCell, observed: Observation, steps: StepRecorder, sources: Sources
) -> Explain:
    """Prepare to explain the changes that a cell has made, or that others made while it ran."""

    @cache
    def blame_of(one: RunningCell) -> Blame:
        return inquire(shell, one, observed, steps, sources)

    @cache
    def used_by_threads() -> frozenset[str]:
        return names_in_other_threads(sources.files(shell))

    def explain(difference: Difference) -> Verdict:
        verdict = blame_of(cell).explain(difference)
        if verdict.cause != "alias" or verdict.via:  # a statement of this cell leads to the memory
            return verdict
        others = (blame_of(one).explain(difference) for one in cell.beside)
        if any(one.via or one.cause != "alias" for one in others):
            return OUTSIDE
        names = used_by_threads()
        roots = {path.root for path in blame_of(cell).sharing(difference)} if names else set()
        return verdict if names.isdisjoint(roots) else OUTSIDE

    return lambda difference: GUARD.run("who wrote", explain, difference, default=NOT_EXPLAINED)
