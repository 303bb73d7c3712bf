"""Explain the error that a cell ended with, where it is one of PyTorch's about a write in place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ...capture.frames.traceback_frames import find_complaint
from ...core.hazards.fix import with_edits
from ...core.hazards.hazard import Turn
from ...core.host.guard import GUARD
from .node_log import NodeLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from ...core.hazards.hazard import Hazard
    from ...core.hazards.standing import Standing
    from ...core.model.records import Site
    from ..ipython.cell_sources import Sources
    from .aftermath import Aftermath


@dataclass(slots=True, kw_only=True)
class FailureBook:
    """Explains failures, and keeps what that takes."""

    shell: InteractiveShell
    sources: Sources
    log: NodeLog = field(init=False)

    def __post_init__(self) -> None:
        """Open the log of nodes."""
        self.log = NodeLog(shell=self.shell, sources=self.sources)

    def explain(self, error: BaseException | None, after: Aftermath) -> tuple[tuple[Hazard, ...], Standing]:
        """Explain what a cell died of; give it and the hazards that are still ahead, and what stands then."""
        foretold = after.standing.hazards
        GUARD.run("who wrote", self.log.keep, after.cell, default=None)
        GUARD.run("who wrote", self.log.date, after.cell, default=None)
        died_of = GUARD.run("explaining an error", self._explain, error, after, default=None)
        if died_of is None:
            return foretold, after.standing
        told = [one for one in foretold if _is_told_by(died_of, one)]
        ahead = [one for one in foretold if one not in told]
        happened = _as_foretold(died_of, told)
        turn = Turn(cell=after.reasoning.trace.cell.count, hazard=happened)
        return (happened, *ahead), after.standing.with_failure(turn, ahead)

    def _explain(self, error: BaseException | None, after: Aftermath) -> Hazard | None:
        found = None if error is None else find_complaint(error)
        if error is None or found is None:
            return None
        # Few cells fail in this way, and loading what explains them takes a tenth of `%load_ext`.
        from ...core.explain.error_messages import BACKWARD  # noqa: PLC0415
        from .error_frames import survey_error  # noqa: PLC0415
        from .explain_backward import explain_stop  # noqa: PLC0415
        from .explain_refusal import explain_refusal  # noqa: PLC0415

        complaint, culprit = found
        files = self.sources.files(self.shell)
        scene = survey_error(culprit, complaint, after.reasoning.trace.cell.count, files)
        if not scene.steps:  # it was raised anew where no line of the notebook is
            scene = survey_error(error, complaint, after.reasoning.trace.cell.count, files)
        is_stop = complaint.trouble in BACKWARD
        told = explain_stop(scene, after, self.log) if is_stop else explain_refusal(scene, after)
        return replace(told, fix=with_edits(told.fix, self.log.built.plain_of))


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
            return replace(
                died_of,
                saved_at=_more_exact(died_of.saved_at, one.saved_at),
                written_at=_more_exact(died_of.written_at, one.written_at),
            )
    return died_of


def _more_exact(found: Site | None, foretold: Site | None) -> Site | None:
    """Choose the site that names the line inside a function; the foretold one where both or neither do."""
    return found if found and found.inner and not (foretold and foretold.inner) else foretold


def _facts(one: Hazard) -> object:
    return one.op, *(site and (site.line, site.text) for site in (one.saved_at, one.written_at))
