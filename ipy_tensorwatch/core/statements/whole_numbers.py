"""The names that are whole numbers wherever a source binds them: indices of items, not of several elements."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from ..syntax.ast_queries import last_name
from ..syntax.parsing import LAST_SOURCES, parse_cell
from ..syntax.syntax_tree import assigned_pairs, each_target, find_nodes, names_in

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBERS = frozenset(("len", "int", "round", "randint", "randrange", "size", "numel", "item"))
"""Functions and methods that give whole numbers where an index is made of what they give."""
_INDICES = ("i", "j", "k")
"""Parameters that stand for indices by convention."""


@lru_cache(maxsize=LAST_SOURCES)
def whole_numbers(source: str) -> frozenset[str]:
    """Return the names that a source binds to whole numbers and to nothing else: `i` of `for i in range(n)`."""
    bound: dict[str, bool] = {}
    tree = parse_cell(source)
    for name, is_number in _bindings(tree) if tree is not None else ():
        bound[name] = bound.get(name, True) and is_number
    return frozenset(name for name, is_number in bound.items() if is_number)


def _bindings(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield each name that a loop, an assignment or a call binds, and whether it is bound to a whole number."""
    for one in find_nodes(ast.arg, tree):
        yield one.arg, one.arg in _INDICES or (one.annotation is not None and ast.unparse(one.annotation) == "int")
    for loop in find_nodes(ast.For, tree):
        counter = _counter_of(loop)
        yield from ((name, name == counter) for name in names_in(loop.target))
    for node in find_nodes(ast.Assign, tree):
        for target, value in assigned_pairs(node):
            several = each_target([target])
            yield from ((one.id, _is_number(value)) for one in several if isinstance(one, ast.Name))


def _counter_of(loop: ast.For) -> str:
    """Return the variable of a loop that counts its turns or goes over a range; empty if none does."""
    match loop.iter, loop.target:
        case ast.Call(func=ast.Name(id="range")), ast.Name(id=name):
            return name
        case ast.Call(func=ast.Name(id="enumerate")), ast.Tuple(elts=[ast.Name(id=name), *_]):
            return name
    return ""


def _is_number(value: ast.expr) -> bool:
    match value:
        case ast.Constant(value=number):
            return type(number) is int
        case ast.BinOp(left=left, right=right):
            return _is_number(left) and _is_number(right)
        case ast.Call(func=func):
            return last_name(func) in _NUMBERS
    return False
