"""The value of an assignment: whether evaluating it may write, or only the assignment itself."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..syntax.ast_queries import arguments, is_library, last_name
from ..syntax.syntax_tree import all_nodes
from ..syntax.torch_vocabulary import BUILTINS, FRESH
from .aliases.expression_aliases import trace
from .aliases.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Container

    from ..records.path import AccessPath

_NEEDS_OBJECT_AND_NAME = 3


def value_of(node: ast.stmt) -> ast.expr | None:
    """Return the value that a statement assigns, by `=`, an operator, `setattr`, a loop's header or `with`."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id="setattr"), args=args)) if len(args) == _NEEDS_OBJECT_AND_NAME:
            return args[-1]
        case ast.Assign(value=value) | ast.AugAssign(value=value) | ast.AnnAssign(value=value):
            return value
        case ast.For(iter=value) | ast.AsyncFor(iter=value):
            return value
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return ast.Tuple(elts=[one.context_expr for one in items], ctx=ast.Load())
        case ast.Delete():
            return ast.Constant(value=None)
    return None


def may_write_in(value: ast.expr, path: AccessPath, known: Container[str]) -> bool:
    """Return whether a call in a value may write to a path that it is given; calls of `known` functions may not.

    Examples
    --------
    >>> from ..records.path import AccessPath
    >>> value = ast.parse("predict(o.raw)", mode="eval").body
    >>> may_write_in(value, AccessPath("o", (".raw",)), ()), may_write_in(value, AccessPath("p"), ())
    (True, False)
    """
    scope = Scope()
    for call in all_nodes(value):
        if isinstance(call, ast.Call) and not _is_harmless(call, known):
            owner = [call.func.value] if isinstance(call.func, ast.Attribute) else []
            given = (one.path for part in (*owner, *arguments(call)) for one in trace(part, scope))
            if any(one.leads_to(path) or path.leads_to(one) for one in given):
                return True
    return False


def _is_harmless(call: ast.Call, known: Container[str]) -> bool:
    name = last_name(call.func)
    if isinstance(call.func, ast.Name):
        return name in BUILTINS or name in known
    return name in FRESH or is_library(call.func)
