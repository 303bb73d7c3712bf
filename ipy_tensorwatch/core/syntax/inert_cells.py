"""Cells that run only Python's own code, so that they cannot write a tensor."""

from __future__ import annotations

import ast

from .syntax_tree import all_nodes, names_in

_HARMLESS = (
    *(ast.Module, ast.Expr, ast.Assign, ast.Pass, ast.Constant, ast.Name, ast.expr_context, ast.Tuple, ast.List),
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
)
_OF_VALUES = (ast.Expr, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare)
"""What runs the code of objects: operators, and the display of a result."""


def is_inert(source: str) -> bool:
    """Return whether a cell consists of constants, names and plain assignments.

    Examples
    --------
    >>> is_inert("1 + 1"), is_inert("y = x"), is_inert("y = x + 1"), is_inert("x"), is_inert("f()")
    (True, True, False, False, False)
    """
    try:
        nodes = [*all_nodes(ast.parse(source))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(isinstance(node, _HARMLESS) and not _runs_code(node) for node in nodes)


def _runs_code(node: ast.AST) -> bool:
    if isinstance(node, ast.Assign):
        return not all(isinstance(target, ast.Name) for target in node.targets)
    return isinstance(node, _OF_VALUES) and bool(names_in(node))
