"""The optimizers that variables lead to, as they were first seen with what they hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ...records.path import AccessPath, is_part_of
from ...records.typed_line import TypedLine, typed_line
from ...runtime.record import field, record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...blame.reasoning import Reasoning
    from ...records.trace.cell_trace import CellTrace
    from ...records.trace.evidence import OptimizerHolding
    from ...statements.statement import Statement


class SeenParameter(NamedTuple):
    """A parameter's serial, and whether it collected gradients."""

    object: int
    trains: bool


@record
class MadeOptimizer:
    """An optimizer as it was first seen with what it holds.

    Attributes
    ----------
    cell
        The cell after which it was seen.
    places
        The parameters that lay beside those that it holds, itself not asked: by path.
    roots
        The variables that led to what it holds, or that the statement that made it names: all of one may be frozen.
    line
        The statement that made it.
    """

    held: frozenset[int]
    cell: int
    places: Mapping[str, SeenParameter] = field(default_factory=dict)
    roots: frozenset[str] = frozenset()
    line: TypedLine | None = None


def root_of(path: str) -> str:
    """Return the variable of a spelled path."""
    return path.partition("[")[0].partition(".")[0].partition("<")[0]


def remember_optimizers(reasoning: Reasoning, known: Mapping[str, MadeOptimizer]) -> Mapping[str, MadeOptimizer]:
    """Return each optimizer as first seen; one that holds something else now, or that the cell made, is another."""
    trace = reasoning.trace
    return {one.path: _remembered(one, known.get(one.path), reasoning) for one in trace.optimizers}


def _remembered(one: OptimizerHolding, known: MadeOptimizer | None, reasoning: Reasoning) -> MadeOptimizer:
    maker = _maker(one, reasoning)
    if known is not None and known.held == one.parameters and maker is None:
        return known
    trace = reasoning.trace
    named = maker.reads if maker is not None else frozenset[str]()
    scenes = [
        scene
        for name, scene in trace.after.scenes.items()
        if name in named or not one.parameters.isdisjoint(scene.by_object)
    ]
    places = {
        str(path): SeenParameter(reading.object, reading.collects_gradient)
        for scene in scenes
        for path, reading in scene.entries
        if (reading.kind == "parameter" or reading.object in one.parameters) and not is_behind(path, trace.optimizers)
    }
    roots = frozenset(root_of(path) for path, seen in places.items() if seen.object in one.parameters)
    roots |= named.intersection(map(root_of, places))
    line = typed_line(trace.cell.count, reasoning.own.timeline.site(maker.index)) if maker is not None else None
    return MadeOptimizer(held=one.parameters, cell=trace.cell.count, places=places, roots=roots, line=line)


def makes_optimizer(trace: CellTrace) -> bool:
    """Return whether a cell binds what leads to an optimizer now."""
    return any(one.path in trace.own.plain and _making(one).search(trace.own.plain) for one in trace.optimizers)


def _maker(one: OptimizerHolding, reasoning: Reasoning) -> Statement | None:
    """Return the last statement of the cell that bound the optimizer."""
    if one.path not in reasoning.trace.own.plain:
        return None
    made = [each for each in reasoning.own.statements if _making(one).match(each.text)]
    return made[-1] if made else None


def _making(one: OptimizerHolding) -> re.Pattern[str]:
    return re.compile(rf"^\s*{re.escape(one.path)}\s*=(?!=)", re.MULTILINE)


def is_behind(path: AccessPath, optimizers: Iterable[OptimizerHolding]) -> bool:
    """Return whether a path goes through an optimizer."""
    spelled = str(path)
    return any(is_part_of(spelled, one.path) for one in optimizers)
