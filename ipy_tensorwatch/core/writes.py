"""Tell what a statement or an expression writes to, from its text alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from . import reference as to
from .reference import References
from .trace import (
    COMPREHENSIONS,
    Scope,
    enter,
    is_inplace_dunder,
    is_inplace_name,
    is_library,
    is_method,
    is_true,
    keyword,
    last_name,
    spell_item,
    trace,
)
from .vocabulary import (
    METADATA,
    MODULE_WRITES,
    NEEDS_LIBRARY,
    OUTER_MODULE_WRITES,
    OUTER_WRITES,
    UFUNCS,
    WRITTEN_ARGUMENT,
)


_INPUTS = 2
"""How many arguments a NumPy function of two operands has before its output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write that the text names.

    Attributes
    ----------
    refs
        The objects that may be written to.
    step
        The item or attribute of them that is set, as typed; "" where the whole object is written.
    metadata
        Whether no byte changes, as with `detach_`.
    """

    refs: References
    step: str = ""
    metadata: bool = False


def own_parts(node: ast.stmt) -> list[ast.expr]:
    """Give a statement's own expressions: of a compound statement its header, of a definition what runs at once."""
    found: list[ast.expr] = []
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, ast.expr):
            found.append(part)
        elif not isinstance(part, ast.stmt):
            waiting[:0] = ast.iter_child_nodes(part)
    return found


def find_writes(node: ast.stmt, scope: Scope) -> Iterator[Write]:
    """Give every write that a statement names, outside the bodies of what it defines or contains."""
    match node:
        case ast.Assign(targets=targets):
            yield from (one for target in targets for one in _assigned(target, scope))
        case ast.AnnAssign(target=target, value=value) if value is not None:
            yield from _assigned(target, scope)
        case ast.AugAssign(target=target):
            yield Write(refs=trace(target, scope))
            yield from _assigned(target, scope)
        case ast.For(target=target) | ast.AsyncFor(target=target):
            yield from _assigned(target, scope)
        case ast.With(items=items) | ast.AsyncWith(items=items):
            yield from (one for part in items if part.optional_vars for one in _assigned(part.optional_vars, scope))
        case _:
            pass
    yield from _last_writes(node, scope)
    for own in own_parts(node):
        for part, inside in walk_expressions(own, scope):
            if isinstance(part, ast.Call):
                yield from call_writes(part, inside)


def _assigned(target: ast.expr, scope: Scope) -> Iterator[Write]:
    match target:
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            yield from (one for part in parts for one in _assigned(part, scope))
        case ast.Starred(value=value):
            yield from _assigned(value, scope)
        case ast.Subscript(value=value, slice=key):
            yield Write(refs=trace(value, scope), step=spell_item(key))
        case ast.Attribute(value=value, attr=name):
            yield Write(refs=trace(value, scope), step=f".{name}")
        case _:
            pass


def walk_expressions(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
    """Give every part of an expression, inner ones first, with the scope that it is evaluated in; no lambda's body."""
    if isinstance(node, ast.Lambda):
        return
    if isinstance(node, COMPREHENSIONS):
        scope = enter(node, scope)
    for part in ast.iter_child_nodes(node):
        yield from walk_expressions(part, scope)
    yield node, scope


def call_writes(node: ast.Call, scope: Scope) -> Iterator[Write]:
    """Give what one call writes to by the name of its function and of its arguments."""
    if (out := keyword(node, "out")) is not None:
        yield from _each(out, scope)
    if is_true(keyword(node, "inplace")):
        yield from _inplace_option(node, scope)
    if isinstance(node.func, ast.Call) and is_true(keyword(node.func, "inplace")):
        yield from _argument(node, 0, scope)
    if is_method(node.func):
        yield from _method(node, scope)
    else:
        yield from _function(node, scope)
    yield from _library(node, scope)


def _each(node: ast.expr, scope: Scope) -> Iterator[Write]:
    if isinstance(node, ast.Tuple | ast.List):
        yield from (one for part in node.elts for one in _each(part, scope))
    else:
        yield Write(refs=trace(node, scope))


def _argument(node: ast.Call, place: int, scope: Scope, *, below: bool = False) -> Iterator[Write]:
    plain = node.args[place] if place < len(node.args) else None
    if plain is None:
        return
    grad = True if last_name(node.func).startswith("clip_grad") else None
    listed = isinstance(plain, ast.Tuple | ast.List)
    for one in _each(plain, scope):
        several = (below and not listed) or any(ref.depth for ref in one.refs)
        yield Write(refs=to.behind(one.refs, grad=grad) if several or grad else one.refs)


def _inplace_option(node: ast.Call, scope: Scope) -> Iterator[Write]:
    if last_name(node.func)[:1].isupper():
        return
    if isinstance(node.func, ast.Attribute) and is_method(node.func):
        yield Write(refs=trace(node.func.value, scope))
    yield from _argument(node, 0, scope)


def _method(node: ast.Call, scope: Scope) -> Iterator[Write]:
    assert isinstance(node.func, ast.Attribute)
    name, owner = node.func.attr, node.func.value
    if name == "__setattr__":
        yield from _set_attribute(owner, node.args[:1], scope)
    elif is_inplace_dunder(name) or (is_inplace_name(name) and name not in METADATA):
        yield Write(refs=trace(owner, scope))
    elif name in MODULE_WRITES or (name == "step" and is_plain_step(node)):
        yield Write(refs=to.behind(trace(owner, scope), grad=name == "zero_grad"))


def is_plain_step(node: ast.Call) -> bool:
    """Tell an optimizer's `step()` or `step(closure)` from another object's `step(action)`."""
    return all(isinstance(part, ast.Lambda) or getattr(part, "id", "") == "closure" for part in node.args)


def _function(node: ast.Call, scope: Scope) -> Iterator[Write]:
    name = last_name(node.func)
    if name == "setattr" and len(node.args) > 1:
        yield from _set_attribute(node.args[0], node.args[1:2], scope)
    elif is_inplace_name(name) and name not in METADATA:
        several = name.startswith(("_foreach", "clip_grad", "_fused")) or isinstance(node.func, ast.Name)
        yield from _argument(node, 0, scope, below=several)
    elif name in UFUNCS and len(node.args) > _INPUTS and is_library(node.func):
        yield from _argument(node, len(node.args) - 1, scope)


def _set_attribute(owner: ast.expr, name: list[ast.expr], scope: Scope) -> Iterator[Write]:
    if name and isinstance(name[0], ast.Constant) and isinstance(name[0].value, str):
        yield Write(refs=trace(owner, scope), step=f".{name[0].value}")


def _library(node: ast.Call, scope: Scope) -> Iterator[Write]:
    name = last_name(node.func)
    if name in NEEDS_LIBRARY and is_method(node.func):
        return
    for place in WRITTEN_ARGUMENT.get(name, ()):
        yield from _argument(node, place, scope, below=name == "vector_to_parameters")
    if name == "nan_to_num" and isinstance(copied := keyword(node, "copy"), ast.Constant) and not copied.value:
        yield from _argument(node, 0, scope)


def _last_writes(node: ast.stmt, scope: Scope) -> Iterator[Write]:
    """Give the writes of methods that write only as the last thing a statement does."""
    value = node.value if isinstance(node, ast.Expr | ast.Assign) else None
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute) or is_library(value.func.value):
        return
    name, owner = value.func.attr, value.func.value
    if name in OUTER_MODULE_WRITES:
        yield Write(refs=to.behind(trace(owner, scope)))
    elif isinstance(node, ast.Expr) and (name in OUTER_WRITES or name in METADATA):
        yield Write(refs=trace(owner, scope), metadata=name in METADATA)
