"""The global names that functions bind."""

from __future__ import annotations

import ast
from functools import lru_cache

from ..syntax.parsing import parse_cell
from ..syntax.syntax_tree import find_nodes, names_stored


@lru_cache(maxsize=1024)
def bound_globals(source: str) -> frozenset[str]:
    r"""Return the names that functions of a source declare as global and bind.

    Examples
    --------
    >>> sorted(bound_globals("def setup():\n    global a, b\n    a = b.view(-1)"))
    ['a']
    """
    tree = parse_cell(source) if "global " in source else None
    return frozenset[str]().union(*map(_bound_in, find_nodes(ast.FunctionDef, tree)))


def _bound_in(function: ast.FunctionDef) -> set[str]:
    declared = {name for one in find_nodes(ast.Global, function) for name in one.names}
    return declared & names_stored(function) if declared else declared
