"""Explain the error of a cell if it is one of PyTorch's about an in-place write."""

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


_COMPUTED_AGAIN = frozenset(("backward-before-statement", "compute-again"))
"""The fixes that name what is stale, which a prediction knows better."""


@dataclass(slots=True, kw_only=True)
class FailureBook:
    """Explains errors, and keeps the log of nodes for that."""

    shell: InteractiveShell
    sources: Sources
    log: NodeLog = field(init=False)

    def __post_init__(self) -> None:
        """Open the log of nodes."""
        self.log = NodeLog(shell=self.shell, sources=self.sources)

    def explain(self, error: BaseException | None, after: Aftermath) -> tuple[tuple[Hazard, ...], Standing]:
        """Return the explained error and the remaining hazards, and the standing after it.

        Without an error that can be explained, return the standing hazards and the standing as they are.
        """
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
        from .explain_second import explain_second  # noqa: PLC0415

        complaint, culprit = found
        files = self.sources.files(self.shell)
        scene = survey_error(culprit, complaint, after.reasoning.trace.cell.count, files)
        if not scene.steps:  # it was raised again outside the notebook
            scene = survey_error(error, complaint, after.reasoning.trace.cell.count, files)
        if complaint.trouble == "freed":
            told = explain_second(scene, after, self.log)
        elif complaint.trouble in BACKWARD:
            told = explain_stop(scene, after, self.log)
        else:
            told = explain_refusal(scene, after)
        return replace(told, fix=with_edits(told.fix, self.log.built.plain_of))


def _is_told_by(died_of: Hazard, one: Hazard) -> bool:
    """Return whether a hazard predicted this error: same code, and the same write, node or variable."""
    is_same_write = one.written_at is not None and one.written_at == died_of.written_at
    is_same_node = one.node is not None and one.node == died_of.node
    is_same = is_same_write or is_same_node or not {*died_of.paths[:1]}.isdisjoint(one.paths)
    return is_same and one.code == died_of.code


def _as_foretold(died_of: Hazard, told: Sequence[Hazard]) -> Hazard:
    """Return the explanation with the sites of its prediction, so that both count as the same hazard."""
    for one in told:
        if _facts(one) == _facts(died_of):
            is_stale = died_of.fix.kind == "backward-before-statement" and one.fix.kind in _COMPUTED_AGAIN
            is_partial = died_of.fix.kind == "save-copy" != one.fix.kind  # other nodes saved it as well
            return replace(
                died_of,
                fix=one.fix if is_stale or is_partial else died_of.fix,
                saved_at=_more_exact(died_of.saved_at, one.saved_at),
                written_at=_more_exact(died_of.written_at, one.written_at),
            )
    return died_of


def _more_exact(found: Site | None, foretold: Site | None) -> Site | None:
    """Return the site that has a line inside a function; the predicted one if both or neither have."""
    return found if found and found.inner and not (foretold and foretold.inner) else foretold


def _facts(one: Hazard) -> object:
    return one.op, *(site and (site.line, site.text) for site in (one.saved_at, one.written_at))
