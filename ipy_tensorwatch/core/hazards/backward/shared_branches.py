"""Where a gradient goes to two branches at once: an addition hands the same tensor to both of its operands."""

from __future__ import annotations

import ast
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ...statements.aliases.expression_aliases import trace
from ...statements.aliases.scope import Scope
from ...syntax.ast_queries import last_name, own_parts, spell_path
from ...syntax.parsing import DEFINITIONS, parse_cell, walk_statements
from ...syntax.syntax_tree import all_nodes, find_nodes, names_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...interpreter.definitions import Code
    from ...records.snapshots.snapshot import Snapshot
    from .backward_functions import GradientWriter

_READ = frozenset(
    (
        *("data", "detach", "device", "dim", "dtype", "grad", "grad_fn", "is_leaf", "item", "ndim", "numel"),
        *("register_hook", "requires_grad", "retain_grad", "shape", "size"),
    )
)
"""The attributes of a tensor through which no gradient flows back."""
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


def is_shared(writer: GradientWriter, sources: list[Code], snapshot: Snapshot) -> bool:
    """Return whether another branch certainly gets the gradient that a function writes to."""
    return any(_shares(writer, unit, snapshot) for unit in _units(sources))


def _units(sources: list[Code]) -> Iterator[_Unit]:
    trees = [tree for one in sources if (tree := parse_cell(one.text)) is not None]
    own = [one for tree in trees for one in walk_statements(tree.body) if not isinstance(one, DEFINITIONS)]
    yield _Unit(own, is_local=False)
    for tree in trees:
        for node in all_nodes(tree):
            if isinstance(node, ast.FunctionDef):
                yield _Unit([*walk_statements(node.body)])


def _shares(writer: GradientWriter, unit: _Unit, snapshot: Snapshot) -> bool:
    names = {writer.hooked} if writer.of_tensor else _results(writer, unit)
    if any(sum(_uses(one, name) for one in unit.statements) > 1 for name in names):
        return False  # the gradients of several uses are added up in memory of their own
    for number, stmt in enumerate(unit.statements):
        for operands in _additions(stmt):
            mine = [one for one in operands if _is_of(one, names, writer)]
            others = [one for one in operands if one not in mine and _wants_gradient(one, unit, snapshot)]
            others = [one for one in others if mine and not _is_broadcast(mine[0], one, unit, snapshot)]
            if any(_runs_after(mine[0], one, unit, number, writer) for one in others):
                return True
    return False


def _uses(stmt: ast.stmt, name: str) -> int:
    """Return how often a statement computes with a tensor."""
    parts = [part for own in own_parts(stmt) for part in all_nodes(own) if isinstance(part, ast.expr)]
    named = [one for one in parts if isinstance(getattr(one, "ctx", None), ast.Load) and spell_path(one) == name]
    read = [one for one in parts if isinstance(one, ast.Attribute) and one.attr in _READ]
    return len(named) - sum(spell_path(one.value) == name for one in read)


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
            case ast.Call(func=ast.Attribute(value=ast.Call(func=inner, args=[pile]), attr="sum")) if _stacks(inner):
                yield pile.elts if isinstance(pile, ast.List | ast.Tuple) else [pile]
            case ast.Call(func=func, args=args, keywords=keys) if last_name(func) in _ADDING and not _weighs(keys):
                owner = [func.value] if isinstance(func, ast.Attribute) and len(args) == 1 else []
                several = (one.elts if isinstance(one, ast.List | ast.Tuple) else [one] for one in args)
                yield [*owner, *chain.from_iterable(several)]


def _stacks(node: ast.expr) -> bool:
    return last_name(node) == "stack"


def _weighs(keys: list[ast.keyword]) -> bool:
    """Return whether an addition multiplies one operand, whose gradient then has memory of its own."""
    return any(one.arg == "alpha" for one in keys)


def _is_broadcast(node: ast.expr, other: ast.expr, unit: _Unit, snapshot: Snapshot) -> bool:
    """Return whether two operands are known to have other shapes: the gradient of one is then summed anew."""
    shapes = [None if unit.is_local or path is None else snapshot.get(path) for path in map(spell_path, (node, other))]
    known = [one.shape for one in shapes if one is not None]
    return len(known) > 1 and known[0] != known[1]


def _wants_gradient(node: ast.expr, unit: _Unit, snapshot: Snapshot) -> bool:
    """Return whether an operand may need a gradient: a number does not, nor do variables that are known not to."""
    if find_nodes(ast.Call, node):
        return True
    readings = [None if unit.is_local else snapshot.get(name) for name in names_in(node)]
    return any(one is None or one.requires_grad for one in readings)


def _runs_after(mine: ast.expr, other: ast.expr, unit: _Unit, number: int, writer: GradientWriter) -> bool:
    """Return whether the other branch reads the gradient after the function has written to it.

    Backward runs the branch first that was computed last.
    """
    if not writer.is_late:
        return True
    found = ((spell_path(one), one.col_offset) for one in (mine, other))
    places = [unit.bound_at(path, number) if path else (number, column) for path, column in found]
    if places[0] == places[1] == _BEFORE and all(isinstance(one, ast.Subscript) for one in (mine, other)):
        return _number_of(mine) > _number_of(other) >= 0  # items of one list were computed in its order
    return places[0] > places[1]


def _number_of(node: ast.expr) -> int:
    number = node.slice.value if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) else -1
    return number if isinstance(number, int) else -1
