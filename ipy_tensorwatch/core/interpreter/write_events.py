"""The writes recorded while a statement is interpreted."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal

from ..runtime.record import field, record
from ..statements.writes.call_writes import is_plain_step
from ..syntax.ast_queries import last_name

if TYPE_CHECKING:
    from ..statements.aliases.reference import Reference, References
    from .definitions import Code, RunningFunction
    from .frame import Frame

EventKind = Literal["write", "module", "backward", "optimizer"]


@record(kw_only=False)
class Event:
    """One line inside a function that writes, and its target; None if only a library knows.

    Attributes
    ----------
    within
        The functions that were running, the outermost first.
    """

    code: Code = field(compare=False)
    node: ast.stmt
    kind: EventKind
    reference: Reference | None
    within: tuple[RunningFunction, ...] = ()


class Diary:
    """The recorded writes, in the order they were reached.

    Attributes
    ----------
    backward
        Whether gradients were computed or cleared.
    giving
        The functions that give something back.
    called
        The modules that were called, or handed to a library that may call them.
    running
        The functions that are running, the outermost first.
    """

    def __init__(self) -> None:
        self.events: dict[Event, None] = {}
        self.called: dict[Reference, None] = {}
        self.running: tuple[RunningFunction, ...] = ()
        self.giving: set[RunningFunction] = set()
        self.backward = False

    def add(self, frame: Frame, kind: EventKind, refs: References) -> None:
        """Record a write to any of these objects."""
        for one in refs:
            if not one.depth:
                self._add(frame, kind, one)

    def add_training(self, node: ast.Call, frame: Frame) -> None:
        """Record the gradient computations and optimizer steps that a call's name implies."""
        name = last_name(node.func)
        if name in {"backward", "zero_grad"}:
            self.backward = True
            self._add(frame, "backward", None)
        elif name == "step" and isinstance(node.func, ast.Attribute) and is_plain_step(node):
            self._add(frame, "optimizer", None)

    def _add(self, frame: Frame, kind: EventKind, one: Reference | None) -> None:
        if frame.code is not None and frame.code.lines:
            self.events[Event(frame.code, frame.node, kind, one, self.running)] = None
