"""The aliases of a library call's result: what it shares with the arguments."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ...records.path import ANY_ITEM
from ...syntax.ast_queries import (
    is_inplace_name,
    is_library,
    is_true,
    keyword,
    last_name,
    spell_item,
)
from ...syntax.torch_vocabulary import (
    BUILTINS,
    FRESH,
    GETTERS,
    INPLACE_DUNDERS,
    MEMBERS,
    OPTIMIZERS,
    PASS_ALONG,
    SELVES,
    VIEWS,
    WRAPPERS,
)
from . import reference as to
from .reference import References, union

if TYPE_CHECKING:
    from .scope import Scope


def method_result(
    node: ast.Call, owner: References, given: list[References], others: list[References], scope: Scope
) -> References:
    """Return what a method's result refers to: its object, a part of it, or memory of its own."""
    name = last_name(node.func)
    if name == "set_" and given:
        return to.view(given[0])
    if is_inplace_name(name) or name in SELVES or name in INPLACE_DUNDERS:
        return owner
    if name in GETTERS:
        key = spell_item(node.args[0]) if node.args else ANY_ITEM
        return scope.stored(union(to.item(owner, key), *given[1:]))
    known = _known_method(name, unnamed(node.func, owner))
    return to.doubt(union(owner, *given, *others)) if known is None else known


def unnamed(node: ast.expr, owner: References) -> References:
    """Return what an attribute or item is taken of: of a state dict without a name, the module's own tensors."""
    value = node.value if isinstance(node, ast.Attribute | ast.Subscript) else node
    is_unnamed = isinstance(value, ast.Call) and last_name(value.func) == "state_dict"
    return union(one._replace(same=True, sealed=False) for one in owner) if is_unnamed else owner


def _known_method(name: str, owner: References) -> References | None:
    match name:
        case "state_dict":
            return to.view(to.behind(owner, grad=False))
        case "values":
            return to.wrap(to.element(owner))
        case "items":
            return to.wrap(to.wrap(to.element(owner)))
        case _ if name in VIEWS:
            return to.view(owner)
        case _ if name in MEMBERS:
            return to.behind(owner, grad=False)
    return () if name in FRESH else None


def function_result(node: ast.Call, given: list[References], others: list[References], scope: Scope) -> References:
    """Return what a function's result refers to: an argument, or memory of its own."""
    first = given[0] if given else ()
    known = _known_function(node, first, given, scope)
    if known is not None:
        return known
    if last_name(node.func) in BUILTINS or (isinstance(node.func, ast.Attribute) and is_library(node.func.value)):
        return ()
    return to.doubt(union(*given, *others))


def _known_function(node: ast.Call, first: References, given: list[References], scope: Scope) -> References | None:
    name = last_name(node.func)
    match name:
        case "zip" | "enumerate" | "product":
            return to.wrap(union(*given))
        case "next" | "choice" if name == "next" or ast.unparse(node.func) == "random.choice":
            return union(scope.iterated(first), *given[1:])
        case "getattr" if len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
            return scope.stored(to.take_attribute(first, str(node.args[1].value)))
        case "getattr" if len(node.args) > 1:
            return union(to.behind(first), *given[2:])
        case _ if name in PASS_ALONG or ast.unparse(node.func) == "random.sample":
            return union(*given)
    return to.behind(union(*given)) if name in OPTIMIZERS else _same_memory(node, name, first)


def _same_memory(node: ast.Call, name: str, first: References) -> References | None:
    made_inplace = isinstance(node.func, ast.Call) and is_true(keyword(node.func, "inplace"))
    if is_inplace_name(name) or is_true(keyword(node, "inplace")) or made_inplace:
        return first
    copied = keyword(node, "copy")
    uncopied = name == "array" and isinstance(copied, ast.Constant) and not copied.value
    return to.view(first) if name in VIEWS or name in WRAPPERS or name == "copy" or uncopied else None
