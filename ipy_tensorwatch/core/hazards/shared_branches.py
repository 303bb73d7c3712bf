"""Where a gradient goes to two branches at once: an addition hands the same tensor to both of its operands."""

from __future__ import annotations

import ast
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ..statements.expression_aliases import trace
from ..statements.scope import Scope
from ..syntax.ast_queries import last_name, own_parts, spell_path
from ..syntax.parsing import DEFINITIONS, parse_cell, walk_statements
from ..syntax.syntax_tree import all_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.snapshot import Snapshot
    from .backward_functions import GradientWriter, Source

_ADDING = frozenset(("add", "sum"))
_BEFORE = -1, -1


class _Unit(NamedTuple):
    """The statements of one function, or of all cells: only their names are the notebook's."""

    statements: list[ast.stmt]
    is_local: bool = True

    def bound_at(self, name: str, before: int) -> tuple[int, int]:
        """Return where a name was last bound before a statement: its number, and the place among several targets."""
        for number in range(before - 1, -1, -1):
            one = self.statements[number]
            for target in one.targets if isinstance(one, ast.Assign) else ():
                parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
                for place, part in enumerate(parts):
                    if spell_path(part) == name:
                        return number, place
        return _BEFORE


def is_shared(writer: GradientWriter, sources: list[Source], snapshot: Snapshot) -> bool:
    """Return whether another branch certainly gets the gradient that a function writes to."""
    return any(_shares(writer, unit, snapshot) for unit in _units(sources))


def _units(sources: list[Source]) -> Iterator[_Unit]:
    trees = [tree for one in sources if (tree := parse_cell(one.text)) is not None]
    own = [one for tree in trees for one in walk_statements(tree.body) if not isinstance(one, DEFINITIONS)]
    yield _Unit(own, is_local=False)
    for tree in trees:
        for node in all_nodes(tree):
            if isinstance(node, ast.FunctionDef):
                yield _Unit([*walk_statements(node.body)])


def _shares(writer: GradientWriter, unit: _Unit, snapshot: Snapshot) -> bool:
    names = {writer.hooked} if writer.of_tensor else _results(writer, unit)
    for number, stmt in enumerate(unit.statements):
        for operands in _additions(stmt):
            mine = [one for one in operands if _is_of(one, names, writer)]
            others = [one for one in operands if one not in mine and _wants_gradient(one, unit, snapshot)]
            if mine and any(_runs_after(mine[0], one, unit, number, writer) for one in others):
                return True
    return False


def _results(writer: GradientWriter, unit: _Unit) -> set[str]:
    """Return the names that are bound to what a module or a Function gave."""
    made = (one for one in unit.statements if isinstance(one, ast.Assign) and _is_call(one.value, writer))
    return {name for one in made for target in one.targets if (name := spell_path(target)) is not None}


def _is_call(node: ast.expr, writer: GradientWriter) -> bool:
    return isinstance(node, ast.Call) and spell_path(node.func) in (writer.hooked, f"{writer.hooked}.apply")


def _is_of(node: ast.expr, names: set[str], writer: GradientWriter) -> bool:
    """Return whether an operand is a tensor of this gradient, a view or a copy of it."""
    if spell_path(node) in names or (not writer.of_tensor and _is_call(node, writer)):
        return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.keywords:
        is_passed_on = last_name(node.func) == "clone" or bool(trace(node, Scope()))
        return is_passed_on and _is_of(node.func.value, names, writer)
    return False


def _additions(stmt: ast.stmt) -> Iterator[list[ast.expr]]:
    if isinstance(stmt, ast.AugAssign) and isinstance(stmt.op, ast.Add):
        yield [stmt.target, stmt.value]
    for node in (part for own in own_parts(stmt) for part in all_nodes(own)):
        match node:
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                yield [left, right]
            case ast.Call(func=func, args=args) if last_name(func) in _ADDING:
                owner = [func.value] if isinstance(func, ast.Attribute) and len(args) == 1 else []
                several = (one.elts if isinstance(one, ast.List | ast.Tuple) else [one] for one in args)
                yield [*owner, *chain.from_iterable(several)]


def _wants_gradient(node: ast.expr, unit: _Unit, snapshot: Snapshot) -> bool:
    """Return whether an operand may need a gradient: a number does not, nor do variables that are known not to."""
    if any(isinstance(one, ast.Call) for one in all_nodes(node)):
        return True
    names = [one.id for one in all_nodes(node) if isinstance(one, ast.Name)]
    readings = [None if unit.is_local else snapshot.get(name) for name in names]
    return any(one is None or one.requires_grad for one in readings)


def _runs_after(mine: ast.expr, other: ast.expr, unit: _Unit, number: int, writer: GradientWriter) -> bool:
    """Return whether the other branch reads the gradient after the function has written to it.

    Backward runs the branch first that was computed last.
    """
    if not writer.is_late:
        return True
    found = ((spell_path(one), one.col_offset) for one in (mine, other))
    places = [unit.bound_at(path, number) if path else (number, column) for path, column in found]
    return places[0] > places[1]
