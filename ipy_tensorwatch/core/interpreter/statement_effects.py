"""What the statements of one cell do inside notebook functions."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..runtime.deadline import NEVER, Deadline, LateError
from ..syntax.magic_calls import find_body
from ..syntax.parsing import parse_body, parse_header, walk_statements, without_blocks
from .definitions import Code
from .frame import Frame
from .inferred_lines import Effects
from .interpret_body import interpret
from .interpreter import Interpreter

if TYPE_CHECKING:
    import ast

    from ..records.trace.notebook import Notebook
    from ..statements.statement import Statement
    from .source_index import Library

KnownEffects = dict[object, Effects]

_CUT = Effects(is_cut=True)
LAST_CELLS = 8
"""The number of cells whose effects are kept: a cell that runs again does the same, while what it calls stays."""
_last: deque[tuple[object, KnownEffects]] = deque(maxlen=LAST_CELLS)
KEEP_EVERY = 16
"""The number of statements between saved states, beside those asked for, to which an earlier statement returns."""


class StatementEffects:
    """Interprets the statements of one cell; the effect of earlier statements is computed once.

    Parameters
    ----------
    known
        Receives the effects, and has those that are known; see `known_effects`.
    """

    def __init__(
        self,
        notebook: Notebook,
        *,
        cell: int = 0,
        source: str = "",
        deadline: Deadline = NEVER,
        known: KnownEffects | None = None,
    ) -> None:
        self._cell = cell
        self._nodes = [*walk_statements(parse_body(source))]
        self._follower = Interpreter(notebook, deadline)
        self._frame = Frame(self._follower)
        self._deadline = deadline
        self._known: KnownEffects = {} if known is None else known
        self._place = 0
        self._kept = {0: self._state()}

    @property
    def library(self) -> Library:
        """What the notebook defines."""
        return self._follower.callees.library

    def of(self, statement: Statement | str) -> Effects:
        """Interpret a statement; its effects serve every path that the statement changed."""
        key = statement if isinstance(statement, str) else (statement.index, statement.text)
        if key not in self._known:
            try:
                self._deadline.check()
                self._known[key] = self._follow(statement)
            except LateError:
                return _CUT
        return self._known[key]

    def _follow(self, statement: Statement | str) -> Effects:
        node, line = self._arrive_at(statement)
        return Effects() if node is None else self._try(node, line)

    def _arrive_at(self, statement: Statement | str) -> tuple[ast.stmt | None, int]:
        """Interpret what precedes a statement, and return its node and line."""
        if isinstance(statement, str):
            return parse_header(statement), 1
        if statement.index >= len(self._nodes):
            return parse_header(statement.text), statement.line
        nearest = max(place for place in self._kept if place <= statement.index)
        if not nearest <= self._place <= statement.index:
            self._place = nearest
            self._restore(self._kept[nearest])
        while self._place < statement.index:
            with suppress(RecursionError):
                interpret([without_blocks(self._nodes[self._place])], self._frame)
            self._place += 1
            if self._place % KEEP_EVERY == 0:
                self._kept[self._place] = self._state()
        return self._nodes[statement.index], statement.line

    def _try(self, node: ast.stmt, line: int) -> Effects:
        self._kept[self._place] = before = self._state()
        diary = self._follower.begin()
        try:
            with suppress(RecursionError):
                self._run_one(node, line)
            if self._nodes[self._place : self._place + 1] == [node] and find_body(node) is None:
                self._kept[self._place + 1] = self._state()  # not interpreted again on the way to a later one
        finally:
            self._restore(before)
        return Effects(
            events=tuple(diary.events),
            backward=diary.backward,
            giving=frozenset(diary.giving),
            called=frozenset(one.path for one in diary.called),
        )

    def _run_one(self, node: ast.stmt, line: int) -> None:
        body, frame = find_body(node), self._frame
        if body is None:
            interpret([without_blocks(node)], frame)
            return
        code = Code.of(self._cell, body.source, body.offset + line - node.lineno)
        interpret(parse_body(body.source), Frame(frame.reader, frame.names, code=code))

    def _state(self) -> tuple[Any, ...]:
        return dict(self._frame.names), self._follower.state()

    def _restore(self, state: tuple[Any, ...]) -> None:
        self._frame.names = dict(state[0])
        self._follower.restore(state[1])


def known_effects(notebook: Notebook, cell: int, source: str) -> KnownEffects:
    """Return the effects that are known of the statements of a cell with the same source, in the same notebook."""
    lines = cell if "_magic(" in source else 0  # the code that a magic runs are lines of this cell
    objects = notebook.classes, notebook.inplace, notebook.modules, notebook.optimizers
    seen = source, lines, notebook.definitions, objects
    for one, known in list(_last):
        if one == seen:
            return known
    made: KnownEffects = {}
    _last.appendleft((seen, made))
    return made


def forget_effects() -> None:
    """Forget what the statements of earlier cells do."""
    _last.clear()
