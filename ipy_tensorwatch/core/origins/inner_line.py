"""The line inside a function of the notebook that hands memory back, or keeps it."""

from __future__ import annotations

import ast
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from ..records.report_parts import Inner
from ..statements.bound_values import bound_values
from ..syntax.ast_queries import positional_names, root_variable
from ..syntax.parsing import walk_statements
from ..syntax.syntax_tree import find_nodes
from ..syntax.torch_vocabulary import VIEWS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..interpreter.definitions import Function
    from ..interpreter.source_index import Library
    from ..records.path import AccessPath

_OF_CONTAINERS = frozenset(name for kind in (list, dict, set, deque) for name in dir(kind))
DEEPEST = 5
"""How deep calls of functions by functions are followed."""


def function_of(func: ast.expr, library: Library, arrived: Iterable[AccessPath] = ()) -> Function | None:
    """Return the function or method of the notebook that a called expression runs, as far as its name tells.

    Parameters
    ----------
    arrived
        Paths that it may have bound: to an item, it is a list's own `append`, and to an attribute, a method's.
    """
    match func:
        case ast.Name(id=name):
            return library.method(name, "__init__") if library.class_node(name) else library.function(name)
        case ast.Attribute(value=owner, attr=name) if name not in VIEWS:
            is_own = any(path.root == root_variable(owner) and _is_in_attribute(path) for path in arrived)
            return library.only_method(name) if name not in _OF_CONTAINERS or is_own else None
    return None


def _is_in_attribute(path: AccessPath) -> bool:
    return bool(path.steps) and path.steps[0].startswith(".")


def is_of_notebook(func: ast.expr, library: Library, arrived: Iterable[AccessPath]) -> bool:
    """Return whether a called expression is a function or class of the notebook."""
    return function_of(func, library, arrived) is not None or (
        isinstance(func, ast.Name) and library.class_node(func.id) is not None
    )


def lines_that_keep(function: Function, library: Library, arrived: Sequence[AccessPath], depth: int = 0) -> list[Inner]:
    """Return the lines of a function, else of those that it calls, that keep memory at one of some paths."""
    body = [] if isinstance(function.node, ast.Lambda) else [*walk_statements(function.node.body)]
    keeping = [one for one in body if _keeps(one, function, arrived)]
    binding = [one for one in keeping if any(map(partial(_binds, one), arrived))]
    if keeping or depth >= DEEPEST:
        return [_line(function, one) for one in binding or keeping]
    called = (function_of(part.func, library) for one in body for part in find_nodes(ast.Call, one))
    inside = dict.fromkeys(one for one in called if one is not None and one.node is not function.node)
    return [line for one in inside for line in lines_that_keep(one, library, arrived, depth + 1)]


def _binds(node: ast.stmt, path: AccessPath) -> bool:
    """Return whether a statement binds a variable itself."""
    return not path.steps and any(
        isinstance(one.target, ast.Name) and one.value is not None
        for one in bound_values(node, path.root)
        if isinstance(node, ast.Assign)
    )


def inner_lines(function: Function, library: Library, arrived: Sequence[AccessPath], depth: int = 0) -> list[Inner]:
    """Return the lines of a function that keep memory at one of some paths, else those that hand it back."""
    if isinstance(function.node, ast.Lambda):
        return [_line(function, function.node)]
    body = [*walk_statements(function.node.body)]
    keeping = [one for one in body if _keeps(one, function, arrived)]
    chosen = keeping or [_maker(one, body) for one in body if isinstance(one, ast.Return) and one.value is not None]
    found: dict[Inner, None] = {}
    for one in chosen:
        deeper = _callee(one, library) if depth < DEEPEST else None
        lines = inner_lines(deeper, library, arrived, depth + 1) if deeper and deeper.node is not function.node else []
        found.update(dict.fromkeys(lines or [_line(function, one)]))
    return list(found)


def _keeps(node: ast.stmt, function: Function, arrived: Sequence[AccessPath]) -> bool:
    """Return whether a statement binds one of the paths, or an attribute of that name of a method's own object."""
    mine = next(iter(positional_names(function.node.args)), "") if function.owner else ""
    for path in arrived:
        if any(True for _ in bound_values(node, path.root)):
            return True
        if mine and any(f".{name}" in path.steps for name in _attributes(node, mine)):
            return True
    return False


def _attributes(node: ast.stmt, mine: str) -> Iterator[str]:
    """Yield the attributes of an object that a statement binds, or puts something into."""
    waiting = [target for target, _, _ in bound_values(node, mine)]
    for one in waiting:
        if isinstance(one, ast.Attribute | ast.Subscript):
            waiting.append(one.value)
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name):
            yield one.attr


def _maker(node: ast.Return, body: Sequence[ast.stmt]) -> ast.stmt:
    """Return the last statement that binds the name that is returned; the return itself if there is none."""
    if not isinstance(node.value, ast.Name):
        return node
    name = node.value.id
    before = (one for one in body if one.lineno < node.lineno)
    making = [
        one
        for one in before
        if any(isinstance(made.target, ast.Name) for made in bound_values(one, name))
        and any(made.value is not None and not _is_method(made.value, name) for made in bound_values(one, name))
    ]
    return making[-1] if making else node


def _is_method(value: ast.expr, name: str) -> bool:
    """Return whether a value is a call of a method on the name itself, which binds nothing."""
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and root_variable(value.func) == name


def _callee(node: ast.stmt, library: Library) -> Function | None:
    """Return the notebook's function whose result a statement binds or returns."""
    value = getattr(node, "value", None)
    return function_of(value.func, library) if isinstance(value, ast.Call) else None


def _line(function: Function, node: ast.stmt | ast.Lambda) -> Inner:
    code = function.code
    text = code.lines[node.lineno - 1].strip() if node.lineno <= len(code.lines) else ""
    return Inner(cell=code.cell, line=code.offset + node.lineno, text=text)
