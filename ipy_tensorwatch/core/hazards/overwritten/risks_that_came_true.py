"""Overwritten saved tensors that were a risk, because no backward was due, and through which a backward ran."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...blame.reasoning import Reasoning
    from ..hazard import Hazard

_SILENTLY_WRONG = ("TW202", "TW205")


def come_true(reasoning: Reasoning, hazards: Sequence[Hazard]) -> Iterator[Hazard]:
    """Yield those of the hazards from before the cell that were a risk and made gradients wrong in it."""
    trace = reasoning.trace
    for one in hazards if trace.cell.status == "ok" else ():
        is_risk = one.code in _SILENTLY_WRONG and one.outcome == "risk" and one.node is not None
        is_spent = is_risk and trace.graphs.fates.get(one.node or 0) == "backward-done"
        if is_spent and not _may_be_put_back(reasoning, one):
            yield replace(one, outcome="wrong", happened=True, node=None)


def _may_be_put_back(reasoning: Reasoning, hazard: Hazard) -> bool:
    """Return whether the cell wrote there by more than an optimizer's steps: perhaps what was there before."""
    steps = [one.statement for one in reasoning.trace.own.steps]
    stepping = {reasoning.own.timeline.site(one) for one in steps if one is not None}
    lines = {(one.line, one.text) for one in stepping if one is not None}
    changed = (one for one in reasoning.changes if one.path in hazard.paths and one.kind == "mutated")
    return any((site.line, site.text) not in lines for one in changed for site in one.sites)
