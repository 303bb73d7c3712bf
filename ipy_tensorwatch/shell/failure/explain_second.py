"""Explain a backward that met a graph freed by an earlier one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...capture.autograd.graph_at_error import graph_at
from ...capture.frames.frame_locals import read_locals
from ...core.explain.second_backward import SecondBackward, carried_around
from ...core.hazards.facts import FreedGraph
from ...core.hazards.fix import Fix
from ...core.hazards.freed_graph import detached, foretold_freed
from ...core.hazards.hazard import Hazard
from .error_frames import CELL

if TYPE_CHECKING:
    from .aftermath import Aftermath
    from .error_frames import ErrorScene
    from .node_log import NodeLog

SECONDS = 1.0
"""Time limit in seconds for reading the graph after an error; the user waits for the answer."""
MAX_FRAMES = 8


def explain_second(scene: ErrorScene, after: Aftermath, log: NodeLog) -> Hazard:
    """Return the hazard that explains it: the variable that led to the freed part, or what is known without it."""
    graph = None if scene.is_threaded else graph_at(scene.error, SECONDS)
    local = _carried_in_function(scene, after)
    if graph is None or local is not None:
        return local or _unknown(scene)
    freed = after.cell.observer.graphs.freed
    if graph.root in freed.before:
        return foretold_freed(freed.before[graph.root], scene.raised, after.standing.built)
    second = SecondBackward(
        graph=graph,
        now=freed.roots,
        earlier=freed.earlier,
        raised=scene.raised,
        own=scene.site,
        reasoning=after.reasoning,
        timelines=after.standing.built,
        built=log.built,
    )
    return second.hazard()


def _unknown(scene: ErrorScene) -> Hazard:
    fact = FreedGraph(root=scene.raised.root, how="shares", raised=scene.raised)
    return Hazard(
        code="TW213", outcome="raises", paths=(), op=None, fact=fact, fix=Fix(kind="retain-graph"), happened=True
    )


def _carried_in_function(scene: ErrorScene, after: Aftermath) -> Hazard | None:
    """Return the explanation by the only local state that a loop of a function on the traceback carries on."""
    storages = after.cell.observer.lens.storages
    for step in scene.steps[:MAX_FRAMES]:
        if step.spot.function == CELL:
            return None
        local = read_locals(scene.error, step.place, storages)
        computed = {str(path) for path, reading, _ in local if not reading.is_leaf}
        found = carried_around(step.source, step.spot.line, computed)
        if found is not None:
            name, line = found
            target = replace(step.typed, line=line.line + step.typed.line - step.failing.line, text=line.text)
            fact = FreedGraph(root=scene.raised.root, name=name, how="goes-on", raised=scene.raised)
            fix = Fix(kind="detach-state", code=detached(name, step.source), other=line.text, target=target)
            return Hazard(code="TW213", outcome="raises", paths=(), op=None, fact=fact, fix=fix, happened=True)
    return None
