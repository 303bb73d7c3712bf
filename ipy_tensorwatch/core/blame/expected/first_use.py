"""Whether a module sets its parameters once, when it is first used: data-dependent initialization."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ...syntax.ast_queries import covers_line, is_inplace_name, last_name
from ...syntax.syntax_tree import each_target, find_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...interpreter.definitions import Function
    from ...interpreter.inferred_lines import Inferred


def is_first_use(line: Inferred) -> bool:
    """Return whether a line writes behind a mark that is set with it: `if not self.done: …; self.done = True`."""
    running = [one.function for one in line.within if one.function is not None and one.kind == "module"]
    return any(_writes_once(function, running[place + 1 :], line) for place, function in enumerate(running))


def _writes_once(function: Function, inner: Sequence[Function], line: Inferred) -> bool:
    """Return whether a function does so where it writes, or where it calls a function that does."""
    called = inner[0].name.split(".")[-1] if inner else ""
    calls = [one.lineno for one in find_nodes(ast.Call, function.node) if called and last_name(one.func) == called]
    places = calls if inner else [line.inner.line - function.code.offset]
    marked = {mark for one in (function, *inner) for mark in _marked(one.node)}
    return any(
        not marked.isdisjoint(_attributes(branch.test)) and any(_guards(branch, place) for place in places)
        for branch in find_nodes(ast.If, function.node)
    )


def _guards(branch: ast.If, place: int) -> bool:
    """Return whether a line runs on one side of a branch only."""
    if any(covers_line(one, place) for one in (*branch.body, *branch.orelse)):
        return True
    return isinstance(branch.body[-1], ast.Return) and place > (branch.end_lineno or branch.lineno)


def _attributes(node: ast.AST) -> set[str]:
    return {one.attr for one in find_nodes(ast.Attribute, node)}


def _marked(function: ast.AST) -> Iterator[str]:
    """Yield the attributes that a function sets to a constant, in place or not."""
    for one in find_nodes(ast.Assign, function):
        targets = each_target(one.targets) if _is_constant(one.value) else ()
        yield from (each.attr for each in targets if isinstance(each, ast.Attribute))
    for call in find_nodes(ast.Call, function):
        if isinstance(call.func, ast.Attribute) and is_inplace_name(call.func.attr):
            yield from _attributes(call.func.value) if all(map(_is_constant, call.args)) else ()


def _is_constant(node: ast.expr) -> bool:
    """Return whether an expression is the same each time: `True`, or `torch.tensor([True])`."""
    match node:
        case ast.Constant():
            return True
        case ast.List(elts=parts) | ast.Call(args=parts):
            return bool(parts) and all(map(_is_constant, parts))
    return False
