"""Statements that keep a shallow copy: `copy.copy(net)` makes another module over the same parameters."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from ..records.trace.notebook import ShallowCopy
from ..syntax.ast_queries import COMPREHENSIONS, spell_path
from ..syntax.parsing import parse_cell
from ..syntax.syntax_tree import find_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator


@lru_cache(maxsize=1024)
def shallow_copies(source: str) -> tuple[ShallowCopy, ...]:
    """Return the shallow copies that a source keeps, those of methods too.

    Examples
    --------
    >>> [(one.target, one.owner) for one in shallow_copies("import copy; net2 = copy.copy(net)")]
    [('net2', 'net')]
    >>> [one.is_several for one in shallow_copies("nets = [copy.copy(net) for _ in range(3)]")]
    [True]
    """
    tree = parse_cell(source) if "copy(" in source else None
    if tree is None:
        return ()
    classes = {id(each): one.name for one in find_nodes(ast.ClassDef, tree) for each in find_nodes(ast.stmt, one)}
    every = ((node, classes.get(id(node), "")) for node in find_nodes(ast.stmt, tree))
    return tuple(one for node, within in every for one in _kept(node, within))


def _kept(node: ast.stmt, within: str) -> Iterator[ShallowCopy]:
    match node:
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
            pairs = [*zip(targets, values, strict=False)]
        case ast.Assign(targets=targets, value=value):
            pairs = [(one, value) for one in targets]
        case _:
            return
    for target, value in pairs:
        is_several = isinstance(value, COMPREHENSIONS)
        made = value.elt if isinstance(value, ast.ListComp) else value
        path, owner = spell_path(target), _owner_of_copy(made)
        if path is not None and owner is not None:
            own = within if path.startswith("self.") else ""
            yield ShallowCopy(target=path, owner=owner, within=own, is_several=is_several)


def _owner_of_copy(value: ast.expr) -> str | None:
    """Return what `copy.copy(x)` copies, as typed."""
    match value:
        case ast.Call(
            func=ast.Name(id="copy") | ast.Attribute(value=ast.Name(id="copy"), attr="copy"), args=[only], keywords=[]
        ):
            return spell_path(only)
    return None
