"""The references of an expression, from its text alone."""

from __future__ import annotations

import ast

from ...syntax.ast_queries import is_method, is_slice, keyword, last_name
from ...syntax.mapped_calls import spelled_out
from . import reference as to
from .call_aliases import function_result, method_result, unnamed
from .reference import References, union
from .scope import SENT, Scope


def trace(node: ast.expr, scope: Scope) -> References:
    """Return every object that an expression may refer to; empty for a value with memory of its own.

    Examples
    --------
    >>> from .scope import Scope
    >>> [str(one.path) for one in trace(ast.parse("x.view(-1)", mode="eval").body, Scope())]
    ['x']
    """
    match node:
        case ast.Name(id=name):
            return scope.look_up(name)
        case ast.Attribute(value=value, attr=name):
            return scope.stored(to.take_attribute(trace(value, scope), name))
        case ast.Subscript(value=value, slice=key):
            owner = unnamed(node, trace(value, scope))
            return scope.stored(to.item(owner, scope.step_of(key), several=is_slice(key)))
        case ast.Call() if spelled_out(node) is node:
            known = scope.call(node)
            return _trace_call(node, scope) if known is None else known
        case ast.Call():
            return _trace_container(spelled_out(node), scope)
        case _:
            return _trace_choice(node, scope)


def _trace_choice(node: ast.expr, scope: Scope) -> References:
    match node:
        case ast.NamedExpr(value=value) | ast.Starred(value=value) | ast.Await(value=value):
            return trace(value, scope)
        case ast.IfExp(body=first, orelse=second):
            return union(trace(first, scope), trace(second, scope))
        case ast.BoolOp(values=parts):
            return union(*(trace(part, scope) for part in parts))
        case ast.Lambda():
            return scope.closed(node)
        case ast.Yield():
            return scope.names.get(SENT, ())
        case _:
            return _trace_container(node, scope)


def _trace_container(node: ast.AST, scope: Scope) -> References:
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return union(*(_member(part, scope) for part in parts))
        case ast.Dict(values=parts):
            return to.wrap(union(*(trace(part, scope) for part in parts)))
        case ast.ListComp(elt=made) | ast.SetComp(elt=made) | ast.GeneratorExp(elt=made) | ast.DictComp(value=made):
            return to.wrap(trace(made, enter(node, scope)))
        case ast.BinOp(left=left, right=right):
            joined = union(trace(left, scope), trace(right, scope))
            return joined if any(one.depth or (one.below and one.sure) for one in joined) else ()
        case _:
            return ()


def _member(node: ast.expr, scope: Scope) -> References:
    refs = trace(node, scope)
    return refs if isinstance(node, ast.Starred) else to.wrap(refs)


def _trace_call(node: ast.Call, scope: Scope) -> References:
    out = keyword(node, "out")
    if out is not None:
        return trace(out, scope)
    given = [trace(part, scope) for part in node.args]
    others = [trace(one.value, scope) for one in node.keywords]
    if isinstance(node.func, ast.Attribute) and is_method(node.func):
        return method_result(node, trace(node.func.value, scope), given, others, scope)
    return function_result(node, given, [*others, trace(node.func, scope)], scope)


def enter(node: ast.AST, scope: Scope) -> Scope:
    """Return the scope in which a comprehension's element is evaluated."""
    inside = scope.child()
    for part in getattr(node, "generators", ()):
        bind_element(part.target, part.iter, inside)
    return inside


def bind_element(target: ast.expr, source: ast.expr, scope: Scope) -> None:
    """Bind a loop's variables to any item of its iterable."""
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else []
    name = last_name(source.func) if isinstance(source, ast.Call) else ""
    if isinstance(source, ast.Call) and name == "zip" and len(parts) == len(source.args):
        for part, one in zip(parts, source.args, strict=True):
            bind_element(part, one, scope)
    elif isinstance(source, ast.Call) and name == "enumerate" and source.args and parts:
        bind(parts[0], (), scope)
        bind_element(parts[-1], source.args[0], scope)
    elif isinstance(source, ast.Call) and name in ("zip", "enumerate") and not parts:
        items = (scope.iterated(trace(one, scope)) for one in source.args)
        bind(target, to.wrap(union(*items)), scope)
    elif parts and (name == "items" or name.startswith("named_")):
        bind(parts[0], (), scope)
        bind(parts[-1], to.element(to.element(trace(source, scope))), scope)
    elif isinstance(source, ast.BinOp) and isinstance(source.op, ast.Add):
        bind(target, scope.iterated(union(trace(source.left, scope), trace(source.right, scope))), scope)
    else:
        bind(target, scope.iterated(trace(source, scope)), scope)


def bind_assigned(node: ast.stmt, scope: Scope) -> None:
    """Bind the targets of an assignment to what its value refers to."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            bind(target, trace(node.value, scope), scope)


def bind(target: ast.expr, refs: References, scope: Scope) -> None:
    """Bind names to a value's references, a tuple of names to its items."""
    match target:
        case ast.Name(id=name):
            scope.set_name(name, refs)
        case ast.Starred(value=value):
            bind(value, refs, scope)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for place, part in enumerate(parts):
                bind(part, refs if isinstance(part, ast.Starred) else to.item(refs, f"[{place}]"), scope)
        case _:
            pass
