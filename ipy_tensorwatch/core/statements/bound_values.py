"""The expressions that a statement binds to a name, or to an item or attribute of its object."""

from __future__ import annotations

import ast
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ..syntax.ast_queries import is_inplace_name, last_name, own_nodes, root_variable
from ..syntax.syntax_tree import each_target
from ..syntax.torch_vocabulary import BUILTINS

if TYPE_CHECKING:
    from collections.abc import Iterator


class BoundValue(NamedTuple):
    """A target, and the expression of what is bound to it; a method called on an object may put its arguments there.

    Attributes
    ----------
    is_item
        Whether the target is led to an item of the value: `for x in xs`, `a, b = f()`.
    """

    target: ast.expr
    value: ast.expr
    is_item: bool = False


def bound_values(node: ast.stmt, root: str) -> Iterator[BoundValue]:
    """Yield what a statement binds to a name, or to an item or attribute of its object.

    Examples
    --------
    >>> [ast.unparse(one.value) for one in bound_values(ast.parse("a, d['k'] = x.T, y").body[0], "d")]
    ['y']
    """
    return (one for found, one in _all_bound(node) if found == root)


@lru_cache(maxsize=4096)
def _all_bound(node: ast.stmt) -> tuple[tuple[str, BoundValue], ...]:
    """Return what a statement binds to each name."""
    return tuple((root_variable(one.target), one) for one in chain(_assigned(node), _inside(node)))


def assigns_gradient(node: ast.stmt) -> bool:
    """Return whether a statement gives a leaf its gradient: `p.grad = g`, but not `p.grad = None`."""
    given = [one for _, one in _all_bound(node) if isinstance(one.target, ast.Attribute) and one.target.attr == "grad"]
    return any(not isinstance(one.value, ast.Constant) for one in given)


def may_put(node: ast.stmt) -> bool:
    """Return whether a statement may put something where it does not say: into an object, or by more than a write.

    Examples
    --------
    >>> puts = ("a.data = b", "d['x'] = y", "fill(d)")
    >>> others = ("a = b", "d['x'].add_(1)", "print(d)", "d['x'] += 1")
    >>> [[may_put(ast.parse(one).body[0]) for one in several] for several in (puts, others)]
    [[True, True, True], [False, False, False, False]]
    """
    if isinstance(node, ast.Assign) and any(isinstance(one, ast.Attribute | ast.Subscript) for one in node.targets):
        return True
    calls = [part for part in own_nodes(node) if isinstance(part, ast.Call)]
    return any(not _only_writes(name) and name not in BUILTINS for name in (last_name(one.func) for one in calls))


def _only_writes(name: str) -> bool:
    """Return whether a method of a tensor writes in place, and gives the tensor no other memory."""
    return is_inplace_name(name) and name != "set_"


def _assigned(node: ast.stmt) -> Iterator[BoundValue]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for one in targets:
                yield from _unpacked(one, value)
        case ast.AnnAssign(target=target, value=ast.expr() as value) | ast.AugAssign(target=target, value=value):
            yield BoundValue(target, value)
        case ast.For(target=target, iter=value) | ast.AsyncFor(target=target, iter=value):
            yield from (BoundValue(one, value, is_item=True) for one in _each(target))
        case ast.With(items=items) | ast.AsyncWith(items=items):
            for item in items:
                if item.optional_vars is not None:
                    yield from _unpacked(item.optional_vars, item.context_expr)


def _inside(node: ast.stmt) -> Iterator[BoundValue]:
    """Yield what expressions bind: `(y := x)`, `xs.append(x)`, `setattr(o, 'x', x)`."""
    for part in own_nodes(node):
        match part:
            case ast.NamedExpr(target=target, value=value):
                yield BoundValue(target, value)
            case ast.Call(func=ast.Name(id="setattr"), args=[owner, _, value]):
                yield BoundValue(owner, value)
            case ast.Call(func=ast.Attribute(value=owner, attr=name)) if not _only_writes(name):
                yield BoundValue(owner, part)


def _unpacked(target: ast.expr, value: ast.expr) -> Iterator[BoundValue]:
    if not isinstance(target, ast.Tuple | ast.List):
        yield BoundValue(target, value)
    elif isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
        for one, given in zip(target.elts, value.elts, strict=True):
            yield from _unpacked(one, given)
    else:
        yield from (BoundValue(one, value, is_item=True) for one in _each(target))


def _each(target: ast.expr) -> list[ast.expr]:
    return [one.value if isinstance(one, ast.Starred) else one for one in each_target([target])]
