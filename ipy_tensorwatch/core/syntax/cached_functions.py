"""Functions whose results `functools` keeps, and gives to every caller."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from .ast_queries import last_name
from .parsing import parse_cell
from .syntax_tree import find_nodes

if TYPE_CHECKING:
    from collections.abc import Collection

CACHES = ("cache", "lru_cache")
"""The decorators by their own names."""


@lru_cache(maxsize=1024)
def cached_functions(source: str) -> frozenset[str]:
    r"""Return the functions and methods of a source that give the same object again for the same arguments.

    Examples
    --------
    >>> sorted(cached_functions("@functools.lru_cache(maxsize=8)\ndef table(n): pass\nmade = cache(make)"))
    ['made', 'table']
    """
    tree = parse_cell(source) if "cache" in source else None
    if tree is None:
        return frozenset()
    marked = [one.name for one in find_nodes(ast.FunctionDef, tree) if any(map(_is_cache, one.decorator_list))]
    plain = [one for one in find_nodes(ast.Assign, tree) if isinstance(one.value, ast.Call)]
    names = [part.id for one in plain if _is_cached(one.value) for part in one.targets if isinstance(part, ast.Name)]
    return frozenset((*marked, *names))


def _is_cached(value: ast.expr) -> bool:
    """Return whether an expression puts a cache around a function: `cache(make)`, `lru_cache(8)(make)`."""
    return isinstance(value, ast.Call) and bool(value.args) and _is_cache(value.func)


def _is_cache(node: ast.expr) -> bool:
    return last_name(node.func if isinstance(node, ast.Call) else node) in CACHES


def calls_any(text: str, functions: Collection[str]) -> bool:
    """Return whether a statement calls one of some functions."""
    return bool(functions) and any(last_name(one.func) in functions for one in find_nodes(ast.Call, parse_cell(text)))
