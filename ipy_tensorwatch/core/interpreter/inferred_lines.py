"""Infer from source alone which line inside notebook functions wrote."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..records.report_parts import Inner
from ..runtime.record import field, record
from ..syntax.statement_text import spell_header, spell_line
from ..syntax.syntax_tree import find_nodes
from ..syntax.torch_vocabulary import MODULE_WRITES
from .interpret_body import is_lambda_body
from .ranking import NOWHERE, Elsewhere, Likelihood, judge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..records.path import AccessPath
    from .definitions import RunningFunction
    from .write_events import Event, EventKind


@record
class Inferred:
    """A line inside a notebook function that may have written.

    Attributes
    ----------
    inner
        The line, numbered in the source of the cell that defines the function.
    same_object
        Whether it writes through the same tensor object that `origin` leads to.
    origin
        The caller's path of the written name: of an argument, a variable, or an attribute of `self`.
    score
        Higher is likelier.
    kind
        What writes: the line itself, or a library that it calls.
    within
        The functions that were running, the outermost first.
    is_whole
        Whether it writes everything behind a module, as `net.load_state_dict(…)` does.
    """

    inner: Inner
    same_object: bool
    origin: AccessPath | None
    score: int
    kind: EventKind = "write"
    within: tuple[RunningFunction, ...] = ()
    is_whole: bool = False


@record
class Reached:
    """What a statement reaches inside notebook functions.

    Attributes
    ----------
    candidates
        The lines that may have written, likeliest first.
    backward
        Whether gradients were computed or cleared on the way.
    is_cut
        Whether the deadline passed before everything was interpreted: then the result is empty.
    """

    candidates: tuple[Inferred, ...] = ()
    backward: bool = False
    is_cut: bool = False


@record
class Effects:
    """What one statement does inside notebook functions: every line that writes, to any path.

    Attributes
    ----------
    called
        The modules that were called, or handed to a library that may call them.
    giving
        The functions that give something back.
    """

    events: tuple[Event, ...] = ()
    called: frozenset[AccessPath] = frozenset()
    backward: bool = False
    giving: frozenset[RunningFunction] = frozenset()
    is_cut: bool = False
    _lines: dict[Event, Inner] = field(default_factory=dict, compare=False, repr=False)

    @property
    def writes_by_itself(self) -> bool:
        """Whether a line may write that does not run while a module is called."""
        return self.is_cut or any(one.kind == "write" and not any(map(_is_call, one.within)) for one in self.events)

    def narrow(self, changed: AccessPath, group: Iterable[AccessPath], elsewhere: Elsewhere = NOWHERE) -> Reached:
        """Return the lines that may have written to `changed`, or to the other paths in the same memory."""
        paths = (changed, *(one for one in group if one != changed))
        return Reached(
            candidates=tuple(self._rank(paths, elsewhere)),
            backward=self.backward,
            is_cut=self.is_cut,
        )

    def _rank(self, paths: tuple[AccessPath, ...], elsewhere: Elsewhere) -> list[Inferred]:
        best: dict[tuple[int, int], Inferred] = {}
        for event in self.events:
            found = judge(event, paths, elsewhere)
            if found is not None:
                one = self._describe(event, found)
                key = (one.inner.cell, one.inner.line)
                best[key] = max(best.get(key, one), one, key=lambda each: each.score)
        return sorted(best.values(), key=lambda each: (-each.score, any(map(_is_call, each.within))))

    def _describe(self, event: Event, found: Likelihood) -> Inferred:
        if event not in self._lines:
            self._lines[event] = event_line(event)
        inner = self._lines[event]
        return Inferred(
            inner=inner,
            same_object=found.same_object,
            origin=found.origin,
            score=found.score,
            kind=event.kind,
            within=event.within,
            is_whole=event.reference is not None and event.reference.below and _writes_module(event.node),
        )


def _is_call(one: RunningFunction) -> bool:
    return one.kind == "module" and one.name in ("forward", "__call__")


def _writes_module(node: ast.stmt) -> bool:
    calls = (one.func for one in find_nodes(ast.Call, node))
    return any(isinstance(one, ast.Attribute) and one.attr in MODULE_WRITES for one in calls)


def event_line(event: Event) -> Inner:
    """Return the line of a function that an event was recorded for."""
    lines, line = [*event.code.lines], event.node.lineno
    text = spell_line(lines[line - 1]) if is_lambda_body(event.node) else spell_header(event.node, lines)
    return Inner(cell=event.code.cell, line=line + event.code.offset, text=text)
