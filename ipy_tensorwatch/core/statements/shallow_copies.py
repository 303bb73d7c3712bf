"""Statements that keep a shallow copy: `copy.copy(net)` makes another module over the same parameters."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from ..records.trace.notebook import ShallowCopy
from ..syntax.ast_queries import COMPREHENSIONS, positional_names, spell_path
from ..syntax.parsing import parse_cell
from ..syntax.syntax_tree import assigned_pairs, find_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator


@lru_cache(maxsize=1024)
def shallow_copies(source: str, copiers: frozenset[str] = frozenset()) -> tuple[ShallowCopy, ...]:
    """Return the shallow copies that a source keeps, those of methods too.

    Parameters
    ----------
    copiers
        The functions that give back a shallow copy of their first argument.

    Examples
    --------
    >>> [(one.target, one.owner) for one in shallow_copies("import copy; net2 = copy.copy(net)")]
    [('net2', 'net')]
    >>> [one.is_several for one in shallow_copies("nets = [copy.copy(net) for _ in range(3)]")]
    [True]
    >>> [one.owner for one in shallow_copies("net2 = twin(net)", frozenset(("twin",)))]
    ['net']
    """
    may_copy = "copy(" in source or any(f"{one}(" in source for one in copiers)
    tree = parse_cell(source) if may_copy else None
    if tree is None:
        return ()
    classes = {id(each): one.name for one in find_nodes(ast.ClassDef, tree) for each in find_nodes(ast.stmt, one)}
    every = ((node, classes.get(id(node), "")) for node in find_nodes(ast.stmt, tree))
    return tuple(one for node, within in every for one in _kept(node, within, copiers))


@lru_cache(maxsize=1024)
def copying_functions(source: str) -> frozenset[str]:
    r"""Return the functions of a source that give back a shallow copy of their first argument.

    Examples
    --------
    >>> sorted(copying_functions("def twin(m): return copy.copy(m)\ndef same(m): return m"))
    ['twin']
    """
    tree = parse_cell(source) if "copy(" in source else None
    every = find_nodes(ast.FunctionDef, tree) if tree is not None else ()
    return frozenset(one.name for one in every if _gives_copy(one))


def _gives_copy(function: ast.FunctionDef) -> bool:
    first = positional_names(function.args)[:1]
    made = {one.target for one in _made_in(function) if [one.owner] == first}
    given = [one.value for one in find_nodes(ast.Return, function) if one.value is not None]
    return any([_owner_of_copy(one)] == first or (isinstance(one, ast.Name) and one.id in made) for one in given)


def _made_in(function: ast.FunctionDef) -> Iterator[ShallowCopy]:
    return (one for node in find_nodes(ast.Assign, function) for one in _kept(node, ""))


def _kept(node: ast.stmt, within: str, copiers: frozenset[str] = frozenset()) -> Iterator[ShallowCopy]:
    for target, value in assigned_pairs(node):
        is_several = isinstance(value, COMPREHENSIONS)
        made = value.elt if isinstance(value, ast.ListComp) else value
        path, owner = spell_path(target), _owner_of_copy(made, copiers)
        if path is not None and owner is not None:
            own = within if path.startswith("self.") else ""
            yield ShallowCopy(target=path, owner=owner, within=own, is_several=is_several)


def _owner_of_copy(value: ast.expr, copiers: frozenset[str] = frozenset()) -> str | None:
    """Return what `copy.copy(x)`, or a function that does so, copies, as typed."""
    match value:
        case ast.Call(
            func=ast.Name(id="copy") | ast.Attribute(value=ast.Name(id="copy"), attr="copy"), args=[only], keywords=[]
        ):
            return spell_path(only)
        case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in copiers:
            return spell_path(first)
    return None
