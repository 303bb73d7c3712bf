"""Tensors that a statement makes leaves under a second name, as if that were another tensor."""

from __future__ import annotations

import ast

from ..syntax.ast_queries import spell_path
from ..syntax.parsing import parse_body, parse_path, walk_statements
from .names_used import binds_of

_MAKES_LEAF = "requires_grad_"


def renamed_leaves(source: str, known: frozenset[str] = frozenset()) -> frozenset[str]:
    r"""Return the paths of tensors that have a second name since they were made leaves, after a cell.

    Parameters
    ----------
    known
        Those before it.

    Examples
    --------
    >>> sorted(renamed_leaves("adv = x.requires_grad_()\nw = w.requires_grad_()\nn = y.clone().requires_grad_()"))
    ['x']
    >>> sorted(renamed_leaves("x = 1", frozenset("x")))
    []
    """
    if not known and _MAKES_LEAF not in source:
        return known
    found = {*known}
    for node in walk_statements(parse_body(source)):
        bound = binds_of(node)
        found = {one for one in found if parse_path(one).root not in bound}
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Attribute(value=of, attr=called))):
                path = spell_path(of) if called == _MAKES_LEAF else None
                if path is not None and parse_path(path).root != name:
                    found.add(path)
    return frozenset(found)
