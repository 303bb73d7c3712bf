"""The gradients that a cell gives to parameters which no optimizer holds, where one steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..records.snapshots.difference import Difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .known_state import KnownState
    from .run.abstract_run import AbstractRun


def unheld_gradients(run: AbstractRun, known: KnownState) -> Iterator[Difference]:
    """Yield the differences of gradients that are surely given beside the steps of optimizers."""
    steps = run.interpreter.notes.steps
    if not steps:
        return
    held = frozenset[int]().union(*(one.parameters for one in known.optimizers))
    held |= {one.reading.object for step in steps for one in step.optimizer.held}
    for leaf in run.memory.reached:
        place = known.by_object.get(leaf.reading.object) if leaf.reading.object not in held else None
        if place is not None and leaf.grad is not None and place[1].collects_gradient:
            path = place[0].then(".grad")
            yield Difference(path=path, before=known.readings.get(str(path)), after=leaf.grad.reading)
