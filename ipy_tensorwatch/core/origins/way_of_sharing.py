"""How a statement makes two paths one memory: the outermost operation of the expression that it binds."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from ..syntax.ast_queries import arguments, last_name
from ..syntax.parsing import parse_path
from ..syntax.torch_vocabulary import GETTERS, MEMBERS, OPTIMIZERS, PASS_ALONG, VIEW_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Collection, Container

    from ..statements.statement import Statement

SAME, CALL = "same object", "call"
_KEEPERS = frozenset(("append", "extend", "insert", "add", "update", "setdefault", "put", "push", "appendleft"))
_ITEMS = frozenset(("items", "values"))
_NAMES = {"from_dlpack": "DLPack", "to_dlpack": "DLPack", "__dlpack__": "DLPack"}


def way_of_sharing(
    statement: Statement, arrived: Collection[str], pair: tuple[str, str], defined: Container[str] = ()
) -> str:
    """Return how a statement made a pair one memory.

    Parameters
    ----------
    arrived
        The paths of the pair that the statement bound or moved.
    defined
        The names of the functions and classes that the notebook defines.

    Examples
    --------
    >>> from ..statements.statement import parse_statements
    >>> way_of_sharing(parse_statements("y = x.detach()")[0], ["y"], ("x", "y"))
    'detach'
    """
    others = [one for one in pair if one not in arrived] or list(pair)
    naming = _Naming(frozenset(parse_path(one).root for one in others), defined)
    for root in dict.fromkeys(parse_path(one).root for one in arrived):
        for one in statement.values_for(root):
            return "data" if _is_data(one.target) else naming.name(one.value)
    return SAME


def _is_data(target: ast.expr) -> bool:
    return isinstance(target, ast.Attribute) and target.attr == "data"


class _Naming(NamedTuple):
    """Names the operation of an expression.

    Attributes
    ----------
    roots
        The variables of what it leads to.
    """

    roots: frozenset[str]
    defined: Container[str]

    def name(self, node: ast.expr) -> str:
        """Return the name of the outermost operation that makes another object, or `same object`."""
        match node:
            case ast.Call():
                return self._of_call(node)
            case ast.Attribute(attr=name) if name in VIEW_ATTRIBUTES or name == "data":
                return name
            case ast.Subscript():
                return "slice"
            case ast.ListComp(elt=made) | ast.SetComp(elt=made) | ast.GeneratorExp(elt=made) | ast.DictComp(value=made):
                return self.name(node.generators[0].iter if isinstance(made, ast.Name) else made)
            case ast.NamedExpr(value=value) | ast.Starred(value=value) | ast.Await(value=value):
                return self.name(value)
        return self._of_parts(_parts_of(node))

    def _of_parts(self, parts: list[ast.expr]) -> str:
        """Return the name of the first part that mentions one of the variables."""
        told = [one for one in parts if not self.roots.isdisjoint(_names(one))] or parts
        return self.name(told[0]) if told else SAME

    def _of_call(self, node: ast.Call) -> str:
        name = last_name(node.func)
        if name in self.defined:
            return CALL
        if name in _KEEPERS or name in PASS_ALONG or name in OPTIMIZERS:
            return self._of_parts(arguments(node))
        if name in _ITEMS and isinstance(node.func, ast.Attribute):
            return self.name(node.func.value)
        return SAME if name in GETTERS or name in MEMBERS else _NAMES.get(name, name or CALL)


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


def _names(node: ast.expr) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
