"""The names that a cell binds to something made of what they led to before, as a moving average is."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..syntax.parsing import parse_body
from ..syntax.syntax_tree import find_nodes
from .statement import Statement, parse_statements, statements_of

if TYPE_CHECKING:
    from collections.abc import Iterable


def carried_names(source: str, functions: Iterable[str] = ()) -> frozenset[str]:
    r"""Return the names whose new values are made of the old ones.

    Parameters
    ----------
    functions
        The sources of functions that the cell may call: a global name may be bound there.

    Examples
    --------
    >>> sorted(carried_names("x = draw()\nx = x / 2\nnew = [0.9 * one for one in ema]\nema = new\nopt.lr = 1"))
    ['ema']
    """
    called = (name for one in functions for name in _carried_globals(one))
    return _carried(parse_statements(source)).union(called)


def assigns_made_of(text: str, name: str) -> bool:
    """Return whether a statement assigns a value that is made of what a name leads to.

    Examples
    --------
    >>> made = ("net.w = Parameter(0.9 * net.w)", "net.head = Linear(4, 5)", "replace_head(net)")
    >>> [assigns_made_of(one, "net") for one in made]
    [True, False, False]
    """
    return any(one.value is not None and name in one.reads for one in parse_statements(text))


def _carried(statements: Iterable[Statement]) -> frozenset[str]:
    made_of: dict[str, frozenset[str]] = {}
    for one in statements:
        sources = frozenset[str]().union(*(made_of.get(name, {name}) for name in one.reads))
        made_of.update(dict.fromkeys(one.binds, sources))
    return frozenset(name for name, sources in made_of.items() if name in sources)


def _carried_globals(source: str) -> frozenset[str]:
    """Return the global names that a function binds to something made of their old values."""
    found = frozenset[str]()
    for one in parse_body(source) if "global " in source else ():
        if isinstance(one, ast.FunctionDef):
            names = {name for part in find_nodes(ast.Global, one) for name in part.names}
            body = ast.Module(body=one.body, type_ignores=[])
            found |= _carried(statements_of(body, source)) & names
    return found
