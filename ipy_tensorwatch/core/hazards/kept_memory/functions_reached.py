"""The functions of a notebook that a statement reaches, their lines, and what they keep by reference."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ...records.report_parts import Inner, Site
from ...records.typed_line import TypedLine
from ...syntax.ast_queries import last_name
from ...syntax.parsing import parse_header
from ...syntax.statement_text import spell_header
from ...syntax.syntax_tree import all_nodes
from ..hazard import Hazard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ...blame.reasoning import Reasoning
    from ...records.trace.cell_trace import CellTrace
    from ...records.trace.notebook import Definition
    from ...statements.statement import Statement
    from ..fix import Fix
    from ..hazard_facts import KeptReference

_MOVES = re.compile(r"\.(?:cpu|to)\(")
_OF_DEVICES = re.compile(r"\b(?:cuda|device|mps|xpu)\b")


def has_written(reasoning: Reasoning, statement: Statement) -> bool:
    """Return whether a statement was seen to write to a parameter, a leaf or a buffer that a variable leads to."""
    trace, here = reasoning.trace, (statement.line, statement.text)
    written = [
        storage
        for storage, writes in trace.own.writes.items()
        if any(one.statement == statement.index for write in writes for one in write.positions)
    ]
    readings = [one for storage in written for _, one in trace.after.by_storage.get(storage, ())]
    for one in reasoning.changes if not readings else ():
        if one.kind == "mutated" and any((site.line, site.text) == here for site in one.sites):
            readings += [reading for reading in [trace.after.get(one.path)] if reading is not None]
    return any(one.kind in ("parameter", "buffer") or one.collects_gradient for one in readings)


def may_be_moved(taken: Iterable[ast.stmt], trace: CellTrace) -> bool:
    """Return whether what some statements take may come from another device, so that `v.cpu()` has copied it."""
    if not any(_MOVES.search(ast.unparse(node)) for node in taken):
        return False
    if any(one.device != "cpu" for _, one in trace.after.entries()):
        return True
    sources = (trace.own.plain, *(each.source for each in trace.notebook.definitions.values()))
    return any(map(_OF_DEVICES.search, sources))


def reached(node: ast.stmt, functions: Mapping[str, ast.stmt]) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield the functions and methods whose names are called, from a statement on, with the definition of each."""
    every = [(name, one) for name, tree in functions.items() for one in all_nodes(tree)]
    left = [(name, one) for name, one in every if isinstance(one, ast.FunctionDef)]
    waiting: list[ast.AST] = [node]
    while waiting:
        parts = [*all_nodes(waiting.pop())]
        called = {last_name(one.func) for one in parts if isinstance(one, ast.Call)}
        called |= {"__enter__", "__exit__"} if any(isinstance(one, ast.With) for one in parts) else set()
        found = [one for one in left if (one[0] if one[1].name == "__init__" else one[1].name) in called]
        left = [one for one in left if one not in found]
        waiting += [one for _, one in found]
        yield from found


def calls_that_ran(reasoning: Reasoning) -> Iterator[tuple[Statement, ast.stmt]]:
    """Yield the statements of a cell that ran and call something, each with its header as a tree."""
    for statement in reasoning.own.statements:
        node = parse_header(statement.text) if statement.calls and statement.index in reasoning.trace.own.ran else None
        if node is not None:
            yield statement, node


def inner_of(node: ast.stmt, defined: Definition) -> Inner:
    """Return a statement of a definition as a line inside what the cell called."""
    line = line_of_definition(node, defined)
    return Inner(cell=defined.cell, line=line.line, text=line.text)


def line_of_definition(node: ast.stmt, defined: Definition) -> TypedLine:
    """Return a statement of a definition with its place in its cell."""
    text = spell_header(node, defined.source.split("\n"))
    return TypedLine(cell=defined.cell, line=node.lineno + defined.offset, text=text)


def kept_inside(fact: KeptReference, fix: Fix, taken: TypedLine, written: Site, count: int) -> Hazard:
    """Return the hazard of what a function keeps by reference, and what a cell has written over and loaded in vain.

    Parameters
    ----------
    taken
        The line that keeps it.
    written, count
        The statement of the cell, and the cell's number.
    """
    return Hazard(
        code="TW207",
        outcome="risk" if fact.loaded is None else "wrong",
        paths=(),
        fact=fact,
        fix=fix,
        saved_at=Site(line=taken.line, end_line=taken.line, text=taken.text),
        written_at=written,
        saved_cell=taken.cell,
        written_cell=count,
        happened=True,
    )
