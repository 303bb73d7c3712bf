"""Hazards of training in words: graphs that a backward has freed, and parameters that no optimizer holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....core.hazards.hazard_facts import FreedGraph, NotTrained, OverwrittenSave
from ...page import Line, fill, words
from ..places import named, stands, statement_place

if TYPE_CHECKING:
    from ....core.hazards.hazard import Hazard

_UNHELD = {
    "replaced": "holds what was there before.",
    "unregistered": "holds what `parameters()` lists, which passes over plain lists and dicts.",
    "added": "was made before {those} added.",
    "unfrozen": "was made while {those} frozen.",
    "left-out": "was made for others of this module.",
}
_LEADS = {
    "leads": "its graph leads through that of `{name}`{made} which {freed} has freed",
    "goes-on": "through `{name}` its graph reaches into that of the previous round, which {freed} has freed",
    "is": "its graph{made} was freed by {freed}",
    "shares": "it shares a part of its graph{made} with one that {freed} has freed",
}


def training_fields(hazard: Hazard, fact: NotTrained | FreedGraph) -> dict[str, Line | str]:
    """Return the values of the fields of these messages."""
    if isinstance(fact, FreedGraph):
        return {"backward": backward_of(fact), "leads": leads_into(hazard, fact)}
    return _unheld_fields(hazard, fact)


def _unheld_fields(hazard: Hazard, fact: NotTrained) -> dict[str, Line | str]:
    """Return what an optimizer does not hold, and why."""
    return {
        "optimizer": fact.optimizer,
        "does": "does not train" if hazard.outcome == "wrong" else "leaves out",
        "those": named(hazard.paths),
        "they": "they" if hazard.paths[1:] else "it",
        "them": "them" if hazard.paths[1:] else "it",
        "made": fill(", made in {place},", place=stands(fact.made)) if fact.made else "",
        "why": fill(_UNHELD[fact.how], those="they were" if hazard.paths[1:] else "it was"),
    }


def backward_of(fact: FreedGraph | OverwrittenSave) -> Line:
    """Name a backward by its variable; those of several results where each needs what was overwritten."""
    root = fact.root or ""
    if isinstance(fact, OverwrittenSave) and fact.others:
        return named([f"{one}.backward()" for one in (root, *fact.others)])
    template = "`{root}.backward()`" if fact.is_scalar else "a backward through `{root}`" if root else "a backward"
    return fill(template, root=root)


def leads_into(hazard: Hazard, fact: FreedGraph) -> Line:
    """Return how a graph leads into a freed one, and which backward freed that."""
    made = (
        fill(", computed in {place},", place=statement_place(hazard.saved_cell, hazard.saved_at))
        if (hazard.saved_cell is not None)
        else Line()
    )
    return fill(
        _LEADS[fact.how],
        name=fact.name or "",
        made=made,
        freed=_freed_by(hazard),
    )


def _freed_by(hazard: Hazard) -> Line:
    if hazard.written_cell is None:
        return words("a backward")
    return fill("the backward in {place}", place=statement_place(hazard.written_cell, hazard.written_at))
