"""Which statements may be run again on copies: pure PyTorch and NumPy, without input, output or randomness."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..syntax.ast_queries import is_inplace_name, last_name
from ..syntax.syntax_tree import all_nodes, find_nodes
from ..syntax.torch_vocabulary import (
    CONTAINER_METHODS,
    FRESH,
    GETTERS,
    INPLACE_DUNDERS,
    MEMBERS,
    OUT_OF_PLACE,
    OUTER_WRITES,
    PLAIN_FUNCTIONS,
    RANDOM,
    SELVES,
    STATEFUL,
    VIEWS,
    WRAPPERS,
)

if TYPE_CHECKING:
    from collections.abc import Collection

MODULES = {"torch": "torch", "numpy": "np", "copy": "copy", "math": "math"}
"""The modules that a trial may import, each with its usual name."""
ROOTS = frozenset((*MODULES, *MODULES.values(), "F"))
"""The names behind which a trial has these modules, and `torch.nn.functional`."""
_METHODS = CONTAINER_METHODS | VIEWS | FRESH | SELVES | OUT_OF_PLACE | GETTERS | WRAPPERS | MEMBERS | OUTER_WRITES
_STATEMENTS = (
    ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.For, ast.If, ast.With, ast.Match, ast.Return, ast.Pass,
    ast.Break, ast.Continue, ast.FunctionDef, ast.Import, ast.ImportFrom, ast.Delete, ast.Assert,
)  # fmt: skip
_FORBIDDEN = (ast.Await, ast.Yield, ast.YieldFrom, ast.Lambda, ast.Global, ast.Nonlocal)
_MODES = frozenset(("torch.no_grad", "torch.enable_grad", "torch.inference_mode"))
_SWITCH = "set_grad_enabled"
MOST_POWER = 4
"""The largest power in a statement that is tried: that of a large number is not computed."""
MOST_ELEMENTS = 1_000_000
"""The largest number in a statement that is tried, and the largest product of the numbers in one call."""


def is_pure(node: ast.stmt, functions: Collection[str] = ()) -> bool:
    """Return whether a statement may be run again on copies; calls of `functions` may, whose bodies are pure.

    Examples
    --------
    >>> [is_pure(ast.parse(text).body[0]) for text in ("y = x.detach() + torch.ones(3)", "y = torch.rand(3)", "f(x)")]
    [True, False, False]
    """
    for part in all_nodes(node):
        if isinstance(part, ast.stmt) and not isinstance(part, _STATEMENTS):
            return False
        if isinstance(part, ast.Attribute) and part.attr == _SWITCH and not _is_switch_of_block(part, node):
            return False
        if isinstance(part, _FORBIDDEN) or _sets_library(part) or not _is_harmless(part, functions):
            return False
    return True


def _is_harmless(part: ast.AST, functions: Collection[str]) -> bool:
    match part:
        case ast.Import(names=names):
            return all(one.name in MODULES for one in names)
        case ast.ImportFrom(module=module, names=names):
            return (module, [one.name for one in names]) in (("copy", ["deepcopy"]), ("copy", ["copy"]))
        case ast.Attribute(attr=name):
            is_private = name.startswith("_") and name not in INPLACE_DUNDERS
            sets_state = (name.startswith("set_") and name != "set_") or name in STATEFUL
            return not is_private and name not in RANDOM and (not sets_state or name == _SWITCH)
        case ast.FunctionDef(decorator_list=decorators):
            return all(ast.unparse(one).removesuffix("()") in _MODES for one in decorators)
        case ast.Constant(value=int() as number):
            return abs(number) <= MOST_ELEMENTS
        case ast.Call():
            return _is_pure_call(part, functions) and _product(part) <= MOST_ELEMENTS
        case ast.BinOp(op=ast.Pow() | ast.LShift()):
            return _is_small_power(part)
    return True


def _is_switch_of_block(part: ast.Attribute, node: ast.stmt) -> bool:
    """Return whether the recording of gradients is switched for a block, and not from a statement on."""
    blocks = [item.context_expr for one in find_nodes(ast.With, node) for item in one.items]
    return any(isinstance(one, ast.Call) and one.func is part for one in blocks)


def _is_small_power(part: ast.BinOp) -> bool:
    power = part.right.value if isinstance(part.right, ast.Constant) else None
    is_small = isinstance(power, int | float) and power <= MOST_POWER
    return is_small and isinstance(part.op, ast.Pow) and not isinstance(part.left, ast.Constant)


def _sets_library(part: ast.AST) -> bool:
    """Return whether something of PyTorch or NumPy, or the name of such a library, is bound or deleted."""
    is_place = isinstance(part, ast.Name | ast.Attribute | ast.Subscript) and not isinstance(part.ctx, ast.Load)
    return is_place and root_name(part) in ROOTS


def _is_pure_call(call: ast.Call, functions: Collection[str]) -> bool:
    name = last_name(call.func)
    if isinstance(call.func, ast.Name):
        return name in functions or name in PLAIN_FUNCTIONS
    return root_name(call.func) in ROOTS or name in _METHODS or is_inplace_name(name)


def root_name(node: ast.AST | None) -> str:
    """Return the name that the attributes and items of an expression begin with; empty if it is no such name."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _product(call: ast.Call) -> int:
    product = 1
    for part in all_nodes(call):
        if isinstance(part, ast.Constant) and type(part.value) is int:
            product *= max(1, abs(part.value))
    return product
