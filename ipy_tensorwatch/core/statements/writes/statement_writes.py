"""The writes of a statement or an expression, from its text alone."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from ...records.path import AccessPath
from ...syntax.ast_queries import COMPREHENSIONS, is_library, own_parts, spell_item
from ...syntax.mapped_calls import spelled_out
from ...syntax.syntax_tree import children_of
from ...syntax.torch_vocabulary import METADATA, MODULE_PROCEDURES, OUTER_MODULE_WRITES, OUTER_WRITES
from ..aliases import reference as to
from ..aliases.expression_aliases import enter, trace
from ..aliases.scope import Scope
from .call_writes import NamedWrite, call_writes
from .write_target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..aliases.reference import Reference

_OWN_SCOPES = (ast.Lambda, *COMPREHENSIONS)


def targets_of(node: ast.stmt) -> Iterator[Target]:
    """Yield the targets of a statement; what an unknown function may have returned is left out."""
    for write in find_writes(node, Scope()):
        yield from (target_of(write, one) for one in write.refs if one.sure)


def written_roots(node: ast.stmt) -> set[str]:
    """Return the variables that a statement writes through."""
    return {target.path.root for target in targets_of(node)}


def target_of(write: NamedWrite, one: Reference) -> Target:
    """Return the target that one reference of a write is."""
    assigns = bool(write.step) and one.is_spelled
    steps = (*one.path.steps, write.step) if assigns else one.path.steps
    return Target(
        path=AccessPath(one.path.root, steps),
        below=one.below or one.depth > 0,
        same_object=one.same,
        grad=one.grad,
        kind="metadata" if write.metadata else write.only or ("assign" if assigns else "write"),
    )


def find_writes(node: ast.stmt, scope: Scope) -> Iterator[NamedWrite]:
    """Yield every write that a statement implies, outside the bodies of its definitions and blocks."""
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            yield from (one for target in targets for one in _assigned(target, scope))
        case ast.AnnAssign(target=target, value=value) if value is not None:
            yield from _assigned(target, scope)
        case ast.AugAssign(target=target):
            yield NamedWrite(refs=trace(target, scope))
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


def _assigned(target: ast.expr, scope: Scope) -> Iterator[NamedWrite]:
    match target:
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            yield from (one for part in parts for one in _assigned(part, scope))
        case ast.Starred(value=value):
            yield from _assigned(value, scope)
        case ast.Subscript(value=value, slice=key):
            yield NamedWrite(refs=trace(value, scope), step=spell_item(key))
        case ast.Attribute(value=value, attr=name):
            yield NamedWrite(refs=trace(value, scope), step=f".{name}")
        case _:
            pass


def walk_expressions(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
    """Yield every part of an expression, inner ones first, with its scope; no lambda's body."""
    parts = _parts_in_one_scope(node)
    return ((part, scope) for part in parts) if parts else _walk_scopes(node, scope)


@lru_cache(maxsize=4096)
def _parts_in_one_scope(node: ast.AST) -> tuple[ast.AST, ...]:
    """Return every part of an expression, inner ones first; nothing if some part has a scope of its own."""
    ordered: list[ast.AST] = []
    waiting = [node]
    while waiting:
        part = spelled_out(waiting.pop())
        if isinstance(part, _OWN_SCOPES):
            return ()
        ordered.append(part)
        waiting += children_of(part)
    return tuple(reversed(ordered))


def _walk_scopes(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.AST, Scope]]:
    waiting = [(node, scope, False)]  # no recursion: generators inside generators are slow
    while waiting:
        node, scope, is_open = waiting.pop()
        node = spelled_out(node)
        if is_open:
            yield node, scope
        elif not isinstance(node, ast.Lambda):
            inside = enter(node, scope) if isinstance(node, COMPREHENSIONS) else scope
            waiting.append((node, inside, True))
            waiting += [(part, inside, False) for part in reversed(children_of(node))]


def _last_writes(node: ast.stmt, scope: Scope) -> Iterator[NamedWrite]:
    """Yield the writes of methods that write only as the statement's outermost call."""
    value = node.value if isinstance(node, ast.Expr | ast.Assign) else None
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute) or is_library(value.func.value):
        return
    name, owner = value.func.attr, value.func.value
    if name in OUTER_MODULE_WRITES or (isinstance(node, ast.Expr) and name in MODULE_PROCEDURES):
        yield NamedWrite(refs=to.behind(trace(owner, scope)), only="module")
    elif isinstance(node, ast.Expr) and (name in OUTER_WRITES or name in METADATA):
        is_metadata = name in METADATA
        yield NamedWrite(refs=trace(owner, scope), metadata=is_metadata, only="" if is_metadata else "array")
