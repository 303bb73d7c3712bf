"""Infer which line inside the notebook's own functions wrote, from their source alone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .excerpt import header_end, spell, spell_line
from .follow import Follower
from .frame import Frame
from .likelihood import Likelihood, judge
from .magic import find_body
from .notebook import Code, Definition, Notebook
from .records import Inner
from .run import is_lambda_body, run
from .source import parse_cell, parse_header, walk_statements, without_blocks
from .statement import Statement

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

    from .event import Event
    from .path import AccessPath

__all__ = ["Definition", "Inferred", "Notebook", "Reached", "Trail", "follow_statement", "reach"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inferred:
    """A line inside a function of the notebook that may have written.

    Attributes
    ----------
    inner
        The line, counted in the source of the cell that defines the function.
    same_object
        Whether it writes through the very tensor object that `origin` leads to.
    origin
        What the written name stands for at the caller's: an argument's path, a variable's, an attribute's of `self`.
    score
        Higher is likelier.
    """

    inner: Inner
    same_object: bool
    origin: AccessPath | None
    score: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What a statement reaches inside the notebook's own functions.

    Attributes
    ----------
    candidates
        The lines that may have written, the likeliest first.
    backward
        Whether gradients were computed or cleared on the way.
    optimizer
        Whether a `step` was called on the way.
    """

    candidates: tuple[Inferred, ...] = ()
    backward: bool = False
    optimizer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """Every line that a statement reaches in the notebook's own functions and that writes, whatever it writes to."""

    events: tuple[Event, ...] = ()
    backward: bool = False
    optimizer: bool = False

    def narrow(self, changed: AccessPath, group: Iterable[AccessPath]) -> Reached:
        """Choose the lines that may have written to `changed`, or to the other paths in the same memory."""
        paths = (changed, *(one for one in group if one != changed))
        return Reached(candidates=_rank(self.events, paths), backward=self.backward, optimizer=self.optimizer)


def reach(statement: Statement | str, changed: AccessPath, group: Iterable[AccessPath], notebook: Notebook) -> Reached:
    """Find the lines inside the notebook's own functions by which a statement may have changed `changed`.

    Parameters
    ----------
    statement
        The statement of the cell that was seen to write, or its source.
    changed
        The access path whose bytes changed.
    group
        The other access paths that lie in the same memory.
    """
    return follow_statement(statement, notebook).narrow(changed, group)


def follow_statement(statement: Statement | str, notebook: Notebook, *, cell: int = 0, source: str = "") -> Trail:
    """Follow a statement's calls; what it finds serves every path that the statement changed.

    Parameters
    ----------
    cell, source
        The cell that runs, its execution count and its source: what its earlier statements bound is then known too.
    """
    follower = Follower(notebook)
    with suppress(RecursionError):
        _follow(statement, follower, cell, source)
    diary = follower.diary
    return Trail(events=tuple(diary.events), backward=diary.backward, optimizer=diary.optimizer)


def _follow(statement: Statement | str, follower: Follower, cell: int, source: str) -> None:
    text = statement if isinstance(statement, str) else statement.text
    line = 1 if isinstance(statement, str) else statement.line
    tree = parse_cell(source) if source else None
    frame = Frame(follower)
    nodes = [] if tree is None else list(walk_statements(tree.body))
    if isinstance(statement, Statement) and statement.index < len(nodes):
        run(map(without_blocks, nodes[: statement.index]), frame)
        follower.forget()
        node: ast.stmt | None = nodes[statement.index]
    else:
        node = parse_header(text)
    if node is not None:
        _run_one(node, frame, cell, line)


def _run_one(node: ast.stmt, frame: Frame, cell: int, line: int) -> None:
    body = find_body(node)
    if body is None:
        run([without_blocks(node)], frame)
        return
    tree = parse_cell(body.source)
    code = Code(cell, tuple(body.source.split("\n")), body.offset + line - node.lineno)
    inside = Frame(frame.reader, frame.names, code=code)
    run([] if tree is None else tree.body, inside)


def _rank(events: Iterable[Event], paths: tuple[AccessPath, ...]) -> tuple[Inferred, ...]:
    best: dict[tuple[int, int], Inferred] = {}
    for event in events:
        found = judge(event, paths)
        if found is not None:
            one = _describe(event, found)
            key = (one.inner.cell, one.inner.line)
            best[key] = max(best.get(key, one), one, key=lambda each: each.score)
    return tuple(sorted(best.values(), key=lambda each: -each.score))


def _describe(event: Event, found: Likelihood) -> Inferred:
    lines = list(event.code.lines)
    line = event.node.lineno
    end, column = header_end(event.node, lines)
    text = spell_line(lines[line - 1]) if is_lambda_body(event.node) else spell(event.node, lines, line, end, column)
    inner = Inner(cell=event.code.cell, line=line + event.code.offset, text=text)
    return Inferred(inner=inner, same_object=found.same_object, origin=found.origin, score=found.score)
