"""The nodes of a syntax tree, at a third of what `ast.walk` costs: every cell is searched some ten times."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T", bound=ast.AST)

LOOPS = (ast.For, ast.AsyncFor, ast.While)

_OF_NO_NODE = frozenset({"ctx", "op", "ops", "id", "attr", "arg", "asname", "kind", "type_comment", "conversion"})
"""The fields that hold strings, numbers, or operators and contexts, which have no place in the source."""


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    """The fields of a node's class that may hold nodes."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        self[kind] = found = tuple(name for name in kind._fields if name not in _OF_NO_NODE)
        return found


_fields = _Fields({ast.Constant: ()})


def children_of(node: ast.AST) -> list[ast.AST]:
    """Return the nodes directly below one, in order, without operators and contexts.

    Examples
    --------
    >>> [type(one).__name__ for one in children_of(ast.parse("-f(x)[1]").body[0].value.operand)]
    ['Call', 'Constant']
    """
    found: list[ast.AST] = []
    for name in _fields[type(node)]:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [one for one in value if isinstance(one, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def all_nodes(tree: ast.AST) -> list[ast.AST]:
    """Return a node and all below it, each level before the next, as `ast.walk` does."""
    found = [tree]
    for node in found:
        for name in _fields[type(node)]:  # not by `children_of`: a call a node costs as much again
            value = getattr(node, name, None)
            if value.__class__ is list:
                found += [one for one in value if isinstance(one, ast.AST)]
            elif isinstance(value, ast.AST):
                found.append(value)
    return found


def find_nodes(kind: type[T], tree: ast.AST | None) -> list[T]:
    """Return the nodes of one class in a tree, the outer ones first; none without a tree.

    Examples
    --------
    >>> [ast.unparse(one.func) for one in find_nodes(ast.Call, ast.parse("f(g(x))"))]
    ['f', 'g']
    """
    return [] if tree is None else [one for one in all_nodes(tree) if isinstance(one, kind)]


def names_in(tree: ast.AST | None) -> set[str]:
    """Return the names in a tree, bound or read."""
    return {one.id for one in find_nodes(ast.Name, tree)}


def names_stored(tree: ast.AST) -> set[str]:
    r"""Return the names that a tree binds or deletes, but for those of definitions and imports.

    Examples
    --------
    >>> sorted(names_stored(ast.parse("match f(x):\n case {'a': [y, *z], **w}: v = y")))
    ['v', 'w', 'y', 'z']
    """
    return {name for one in all_nodes(tree) if (name := _name_stored(one))}


def _name_stored(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return None if isinstance(node.ctx, ast.Load) else node.id
    if isinstance(node, ast.MatchAs | ast.MatchStar):
        return node.name
    return node.rest if isinstance(node, ast.MatchMapping) else None


def each_target(targets: Iterable[ast.expr]) -> list[ast.expr]:
    """Return the targets of an assignment one by one, those in tuples and lists too.

    Examples
    --------
    >>> [ast.unparse(one) for one in each_target(ast.parse("a, [b.c, *d] = e").body[0].targets)]
    ['a', 'b.c', '*d']
    """
    found: list[ast.expr] = []
    for one in targets:
        found += each_target(one.elts) if isinstance(one, ast.Tuple | ast.List) else [one]
    return found


def assigned_pairs(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    """Return the targets of an assignment, each with its value; those of a tuple one by one, if its value is one too.

    Examples
    --------
    >>> [tuple(map(ast.unparse, one)) for one in assigned_pairs(ast.parse("a = b, c = d, e").body[0])]
    [('a', '(d, e)'), ('b', 'd'), ('c', 'e')]
    """
    found: list[tuple[ast.expr, ast.expr]] = []
    for one, value in [(one, node.value) for one in node.targets] if isinstance(node, ast.Assign) else ():
        if isinstance(one, ast.Tuple) and isinstance(value, ast.Tuple):
            found += zip(one.elts, value.elts, strict=False)
        else:
            found.append((one, value))
    return found
