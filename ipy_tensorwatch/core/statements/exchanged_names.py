"""The variables that a statement exchanges: two buffers, of which each turn of a loop reads one and fills the other."""

from __future__ import annotations

import ast

from ..syntax.parsing import parse_header


def exchanged_names(text: str) -> frozenset[str]:
    """Return the variables that a statement gives to each other.

    Examples
    --------
    >>> sorted(exchanged_names("old, new = new, old")), sorted(exchanged_names("x, y = y, x + 1"))
    (['new', 'old'], [])
    """
    match parse_header(text):
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
            bound, given = ({one.id for one in parts if isinstance(one, ast.Name)} for parts in (targets, values))
            if bound == given and len(bound) == len(targets) == len(values):
                return frozenset(bound)
    return frozenset()
