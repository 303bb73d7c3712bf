"""How a statement makes two paths one memory: the outermost operation of the expression that it binds."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ..syntax.ast_queries import arguments, is_inplace_name, is_library, last_name
from ..syntax.syntax_tree import names_in
from ..syntax.torch_vocabulary import (
    FRESH,
    GETTERS,
    MEMBERS,
    MODULE_METHODS,
    MODULE_WRITES,
    OPTIMIZERS,
    PASS_ALONG,
    SELVES,
    VIEW_ATTRIBUTES,
    VIEWS,
    WRAPPERS,
)  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ..statements.statement import Statement

SAME, CALL, SLICE = "same object", "call", "slice"
_KEEPERS = frozenset((
    "append", "appendleft", "extend", "insert", "add", "update", "setdefault", "put", "push", "register_buffer",
    "register_parameter", "add_module", "add_param_group",
))  # fmt: skip
_ITEMS = frozenset(("items", "values"))
_NAMES = {"from_dlpack": "DLPack", "to_dlpack": "DLPack", "__dlpack__": "DLPack"}
_OPERATIONS = VIEWS | WRAPPERS | SELVES | FRESH | MODULE_METHODS | MODULE_WRITES


class SharingWay(NamedTuple):
    """How a pair became one memory: an operation by its name, and the call if it is one of the notebook's own."""

    how: str
    call: ast.Call | None = None


def way_of_sharing(
    statement: Statement, roots: Collection[str], others: Collection[str], is_own: Callable[[ast.expr], bool]
) -> SharingWay:
    """Return how a statement made a pair one memory.

    Parameters
    ----------
    roots
        The variables of the paths that it bound or moved.
    others
        The variables of what they lead to.
    is_own
        Returns whether a called expression is a function or class of the notebook.

    Examples
    --------
    >>> from ..statements.statement import parse_statements
    >>> way_of_sharing(parse_statements("y = x.detach()")[0], ["y"], ["x"], lambda func: False).how
    'detach'
    """
    naming = _Naming(frozenset(others), is_own)
    for root in dict.fromkeys(roots):
        for target, value, is_item in statement.values_for(root):
            if isinstance(target, ast.Attribute) and target.attr == "data":
                return SharingWay("data")
            way = naming.way(value)
            return SharingWay(SLICE) if is_item and way.how == SAME and isinstance(value, ast.Name) else way
    return SharingWay(CALL)


class _Naming(NamedTuple):
    """Names the operation of an expression that leads to some variables."""

    others: frozenset[str]
    is_own: Callable[[ast.expr], bool]

    def way(self, node: ast.expr) -> SharingWay:
        """Return the outermost operation that makes another object."""
        match node:
            case ast.Call():
                return self._of_call(node)
            case ast.Attribute(attr=name) if name in VIEW_ATTRIBUTES or name == "data":
                return SharingWay(name)
            case ast.Subscript():
                return SharingWay(SLICE)
            case ast.ListComp(elt=made) | ast.SetComp(elt=made) | ast.GeneratorExp(elt=made) | ast.DictComp(value=made):
                return self.way(node.generators[0].iter if isinstance(made, ast.Name) else made)
            case ast.NamedExpr(value=value) | ast.Starred(value=value) | ast.Await(value=value):
                return self.way(value)
        return self._of_parts(_parts_of(node))

    def _of_parts(self, parts: list[ast.expr]) -> SharingWay:
        """Return the way of the first part that mentions one of the variables."""
        told = [one for one in parts if not self.others.isdisjoint(names_in(one))] or parts
        return self.way(told[0]) if told else SharingWay(SAME)

    def _of_call(self, node: ast.Call) -> SharingWay:
        name = last_name(node.func)
        if self.is_own(node.func):
            return SharingWay(CALL, node)
        if name in _KEEPERS or name in PASS_ALONG or name in OPTIMIZERS:
            return self._of_parts(arguments(node))
        if name in _ITEMS and isinstance(node.func, ast.Attribute):
            return self.way(node.func.value)
        if name in GETTERS or name in MEMBERS:
            return SharingWay(SAME)
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        is_known = name in _OPERATIONS or name in _NAMES or is_inplace_name(name)
        return SharingWay(_NAMES.get(name, name) if is_known or (owner is not None and is_library(owner)) else CALL)


def _parts_of(node: ast.expr) -> list[ast.expr]:
    """Return the parts of a container or a choice."""
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts) | ast.BoolOp(values=parts):
            return parts
        case ast.Dict(values=parts):
            return parts
        case ast.IfExp(body=first, orelse=second) | ast.BinOp(left=first, right=second):
            return [first, second]
    return []
