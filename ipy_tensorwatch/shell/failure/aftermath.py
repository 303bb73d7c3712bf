"""What is known of a cell that has run."""

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
    """A cell that has run, and what is known of it.

    Attributes
    ----------
    standing
        The hazards after it.
    history
        The changes of earlier cells and of this one, each with its cell.
    """

    cell: RunningCell
    reasoning: Reasoning
    standing: Standing
    history: Iterable[tuple[int, Change]]
