"""The `with torch.no_grad():`, or the like, around a statement, in which a new tensor has no graph."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .ast_queries import last_name
from .parsing import statements_on
from .syntax_tree import find_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator


def unrecorded_block(source: str, line: int, name: str) -> ast.With | None:
    r"""Return the outermost such block around a line of a function or of the cell; None if it binds a name before.

    Examples
    --------
    >>> found = unrecorded_block("if ok:\n    with torch.no_grad():\n        h.add_(1)", 3, "h")
    >>> found and found.lineno
    2
    """
    around = statements_on(source, line)
    functions = [place for place, one in enumerate(around) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = around[functions[-1] + 1 if functions else 0 :]
    block = next((one for one in inside if isinstance(one, ast.With) and _records_nothing(one)), None)
    return None if block is None or any(one.lineno < line for one in _bindings(block, name)) else block


def _records_nothing(node: ast.With) -> bool:
    return any(isinstance(one.context_expr, ast.Call) and _stops_recording(one.context_expr) for one in node.items)


def _stops_recording(call: ast.Call) -> bool:
    match last_name(call.func), call.args:
        case "no_grad" | "inference_mode", []:
            return True
        case "set_grad_enabled", [ast.Constant(value=False)]:
            return True
    return False


def _bindings(block: ast.With, name: str) -> Iterator[ast.Name]:
    return (one for one in find_nodes(ast.Name, block) if one.id == name and isinstance(one.ctx, ast.Store))
