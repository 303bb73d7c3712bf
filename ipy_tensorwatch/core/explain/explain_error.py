"""Explain the error of a cell if it is one of PyTorch's about an in-place write."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..hazards.fix import Fix, with_edits
from ..hazards.hazard import Hazard, Turn
from ..hazards.hazard_facts import OverwrittenSave

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..blame.reasoning import Reasoning
    from ..hazards.standing_hazards import Standing
    from ..records.report_parts import Change, Site
    from .node_log import NodeLog

_COMPUTED_AGAIN = frozenset(("backward-before-statement", "compute-again"))
"""The fixes that name what is stale, which a prediction knows better."""


def explain_error(
    reasoning: Reasoning, standing: Standing, history: Iterable[tuple[int, Change]], built: NodeLog
) -> tuple[tuple[Hazard, ...], Standing]:
    """Return the explained error and the remaining hazards, and the standing after it.

    Without an error that can be explained, return the standing hazards and the standing as they are.
    """
    foretold = standing.hazards
    died_of = _explain(reasoning, standing, history, built)
    if died_of is None:
        return foretold, standing
    told = [one for one in foretold if _is_told_by(died_of, one)]
    ahead = [one for one in foretold if one not in told]
    happened = _as_foretold(died_of, told, elsewhere=_saved_elsewhere(reasoning, died_of))
    return (happened, *ahead), standing.with_failure(Turn(cell=reasoning.trace.cell.count, hazard=happened), ahead)


def _explain(
    reasoning: Reasoning, standing: Standing, history: Iterable[tuple[int, Change]], built: NodeLog
) -> Hazard | None:
    error = reasoning.trace.error
    if error is None:
        return None
    # Few cells fail in this way, and loading what explains them takes a tenth of `%load_ext`.
    from .error_messages import BACKWARD, read_error_message  # noqa: PLC0415
    from .error_scene import ErrorScene  # noqa: PLC0415
    from .explain_backward import explain_stop  # noqa: PLC0415
    from .explain_refusal import explain_refusal  # noqa: PLC0415
    from .second_backward import explain_second  # noqa: PLC0415

    said = read_error_message(error.message)
    if said is None:
        return None
    scene = ErrorScene(
        error=error, error_message=said, reasoning=reasoning, standing=standing, history=history, built=built
    )
    refused_or_stopped = explain_stop if said.trouble in BACKWARD else explain_refusal
    told = explain_second(scene) if said.trouble == "freed" else refused_or_stopped(scene)
    return replace(told, fix=with_edits(told.fix, built.plain_of))


def _is_told_by(died_of: Hazard, one: Hazard) -> bool:
    """Return whether a hazard predicted this error: same code, and the same write, node or variable."""
    is_same_write = one.written_at is not None and one.written_at == died_of.written_at
    is_same_node = one.node is not None and one.node == died_of.node
    is_same = is_same_write or is_same_node or not {*died_of.paths[:1]}.isdisjoint(one.paths)
    return is_same and one.code == died_of.code


def _saved_elsewhere(reasoning: Reasoning, died_of: Hazard) -> bool:
    """Return whether other nodes saved the overwritten tensor as well, so that one saved copy does not mend it."""
    return any(one.others for one in reasoning.trace.graphs.overwritten if one.saved.sequence == died_of.node)


def _as_foretold(died_of: Hazard, told: Sequence[Hazard], *, elsewhere: bool) -> Hazard:
    """Return the explanation with the sites of its prediction, so that both count as the same hazard."""
    for one in told:
        if _facts(one) == _facts(died_of):
            is_stale = died_of.fix.kind == "backward-before-statement" and one.fix.kind in _COMPUTED_AGAIN
            is_partial = elsewhere and died_of.fix.kind == "save-copy"
            return replace(
                died_of,
                fix=_with_the_root(one, died_of) if is_stale or is_partial else died_of.fix,
                saved_at=_more_exact(died_of.saved_at, one.saved_at),
                written_at=_more_exact(died_of.written_at, one.written_at),
            )
    return died_of


def _with_the_root(foretold: Hazard, died_of: Hazard) -> Fix:
    """Return what was foretold to mend it, with the result whose backward raised in place of another one."""
    fix, raised, fact = foretold.fix, getattr(died_of.fact, "raised", None), foretold.fact
    if not isinstance(fact, OverwrittenSave) or raised is None or raised.root is None or raised.root in fix.names:
        return fix
    return replace(fix, names=tuple(raised.root if one == fact.root else one for one in fix.names))


def _more_exact(found: Site | None, foretold: Site | None) -> Site | None:
    """Return the site that has a line inside a function; the predicted one if both or neither have."""
    return found if found and found.inner and not (foretold and foretold.inner) else foretold


def _facts(one: Hazard) -> object:
    return one.op, *(site and (site.line, site.text) for site in (one.saved_at, one.written_at))
