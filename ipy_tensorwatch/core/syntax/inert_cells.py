"""Cells and statements that run no code which could write a tensor."""

from __future__ import annotations

import ast

from .ast_queries import last_name
from .syntax_tree import all_nodes, names_in

_HARMLESS = (
    *(ast.Module, ast.Expr, ast.Assign, ast.Pass, ast.Constant, ast.Name, ast.expr_context, ast.Tuple, ast.List),
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.operator, ast.unaryop, ast.boolop, ast.cmpop),
)
_OF_VALUES = (ast.Expr, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare)
"""What runs the code of objects: operators, and the display of a result."""

_DECORATORS = frozenset(
    ("cache", "classmethod", "contextmanager", "dataclass", "inference_mode", "no_grad", "property", "staticmethod")
)
"""Decorators that read no more than what they decorate."""


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


def only_defines(node: ast.stmt) -> bool:
    """Return whether a statement only imports, or makes functions and classes that hold no new object.

    Examples
    --------
    >>> sources = "import torch", "def f(x=1): x += 1", "def f(x=torch.ones(2)): x += 1", "x = 1"
    >>> [only_defines(ast.parse(one).body[0]) for one in sources]
    [True, True, False, False]
    """
    match node:
        case ast.Import() | ast.ImportFrom():
            return True
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            defaults = (*node.args.defaults, *(one for one in node.args.kw_defaults if one is not None))
            return all(map(_is_plain, defaults)) and all(map(_is_plain_decorator, node.decorator_list))
        case ast.ClassDef(keywords=[]):
            is_plain = all(map(_is_name, node.bases)) and all(map(_is_plain_decorator, node.decorator_list))
            return is_plain and all(map(_is_plain_member, node.body))
        case _:
            return False


def _is_plain_member(node: ast.stmt) -> bool:
    match node:
        case ast.Assign(value=value) | ast.AnnAssign(value=value) | ast.Expr(value=value):
            return value is None or _is_plain(value)
        case ast.Pass():
            return True
        case _:
            return only_defines(node)


def _is_plain(node: ast.expr) -> bool:
    parts = all_nodes(node)
    return all(
        isinstance(one, ast.Constant | ast.UnaryOp | ast.unaryop | ast.Tuple | ast.expr_context) for one in parts
    )


def _is_plain_decorator(node: ast.expr) -> bool:
    function = node.func if isinstance(node, ast.Call) and not node.args else node
    return _is_name(function) and last_name(function) in _DECORATORS


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _is_name(node.value))
