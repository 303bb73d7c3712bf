"""Explain a backward that met a graph freed by an earlier one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..hazards.backward.freed_graph import detached, foretold_freed
from ..hazards.fix import Fix
from ..hazards.hazard import Hazard
from ..hazards.hazard_facts import FreedGraph
from .error_scene import statement_of
from .second_backward import SecondBackward, carried_around

if TYPE_CHECKING:
    from .error_scene import ErrorScene


def explain_second(scene: ErrorScene) -> Hazard:
    """Return the hazard that explains it: the variable that led to the freed part, or what is known without it."""
    freed, local = scene.error.freed, _carried_in_function(scene)
    if freed is None or local is not None:
        return local or _hazard(FreedGraph(root=scene.raised.root, how="shares", raised=scene.raised), None)
    if freed.foretold is not None:
        return foretold_freed(freed.foretold, scene.raised, scene.standing.built)
    return SecondBackward(scene=scene, freed=freed, raised=scene.raised, own=scene.site).hazard()


def _hazard(fact: FreedGraph, fix: Fix | None) -> Hazard:
    fix = fix or Fix(kind="retain-graph")
    return Hazard(code="TW213", outcome="raises", paths=(), op=None, fact=fact, fix=fix, happened=True)


def _carried_in_function(scene: ErrorScene) -> Hazard | None:
    """Return the explanation by the only local state that a loop of a function on the traceback carries on."""
    for frame in scene.error.frames:
        if frame.is_cell:
            return None
        computed = {str(path) for path, reading, _ in frame.local if not reading.is_leaf}
        found = carried_around(frame.source, frame.spot.line, computed)
        if found is not None:
            name, line = found
            target = statement_of(frame)
            target = replace(target, line=line.line + target.line - frame.line, text=line.text)
            fact = FreedGraph(root=scene.raised.root, name=name, how="goes-on", raised=scene.raised)
            return _hazard(
                fact, Fix(kind="detach-state", code=detached(name, frame.source), other=line.text, target=target)
            )
    return None
