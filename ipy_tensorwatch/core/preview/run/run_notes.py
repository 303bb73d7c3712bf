"""What a run notes on its way: statements, bindings and steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...runtime.record import field, mutable

if TYPE_CHECKING:
    import ast

    from ..library.training_steps import AbstractStep
    from ..values.abstract_values import AbstractValue


@mutable
class RunNotes:
    """What a run of a cell has done so far.

    Attributes
    ----------
    ran
        The statements of the cell that would run.
    asked
        For each statement, the names that determine its targets.
    values, led
        For each statement, each time it is reached: the keys in its targets, and the tensors its names lead to.
    entered
        For each moment, the statement of the cell that began then.
    bound
        For each name of the cell, the moment and the statement that bound it last.
    steps
        The steps that optimizers made.
    defaults
        The default values of parameters, by their expressions.
    """

    ran: set[int] = field(default_factory=set)
    asked: dict[int, tuple[str, ...]] = field(default_factory=dict)
    values: dict[int, list[dict[str, int | str]]] = field(default_factory=dict)
    led: dict[int, dict[str, set[int]]] = field(default_factory=dict)
    entered: dict[int, int] = field(default_factory=dict)
    bound: dict[str, tuple[int, int]] = field(default_factory=dict)
    steps: list[AbstractStep] = field(default_factory=list)
    defaults: dict[ast.expr, AbstractValue] = field(default_factory=dict)

    def statement_at(self, moment: int) -> int:
        """Return the statement of a moment: the last one that began until then, as in a turn that is counted."""
        while moment > 0 and moment not in self.entered:
            moment -= 1
        return self.entered.get(moment, 0)
