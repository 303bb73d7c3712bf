"""The input of all explanations of errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...core.blame.reasoning import Reasoning
    from ...core.hazards.standing import Standing
    from ...core.model.records import Change
    from ..cell.running_cell import RunningCell


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """A cell that has run, with the reasoning about it.

    Attributes
    ----------
    standing
        The hazards after the cell.
    history
        The changes of all cells, each with its cell's execution count.
    """

    cell: RunningCell
    reasoning: Reasoning
    standing: Standing
    history: Iterable[tuple[int, Change]]
