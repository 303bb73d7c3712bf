"""Rewrite the head of a loop over a tensor, so that what it gives may be written to."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .excerpt import header_end, spell
from .rewrite import splice
from .source import parse_cell, parse_header
from .syntax import last_name, spell_path

if TYPE_CHECKING:
    from collections.abc import Iterator


def take_one_by_one(source: str, line: int, name: str, base: str) -> str | None:
    r"""Rewrite the head of the loop around a line that binds `name` to one row of `base` after the other.

    Iterating over a tensor makes all of its rows at once, and none of these may be written to; a row that an index
    takes may be.

    Examples
    --------
    >>> take_one_by_one("for row in x:\n    row.mul_(2)", 2, "row", "x")
    'for row in [x[i] for i in range(len(x))]:'
    """
    tree = parse_cell(source)
    loops = [one for one in ast.walk(tree) if isinstance(one, ast.For)] if tree else []
    around = [one for one in loops if one.lineno <= line <= (one.end_lineno or 0) and name in _bound(one)]
    if not around:
        return None
    node, lines = around[-1], source.split("\n")
    end, column = header_end(node, lines)
    text = spell(node, lines, node.lineno, end, column)
    head = parse_header(text)
    found = [*_rows(head.iter, base)] if isinstance(head, ast.For) else []
    rows = f"[{base}[i] for i in range(len({base}))]"
    return splice(text, found, lambda _: rows) if len(found) == 1 else None


def _bound(node: ast.For) -> set[str]:
    return {part.id for part in ast.walk(node.target) if isinstance(part, ast.Name)}


def _rows(node: ast.expr, base: str) -> Iterator[ast.expr]:
    """Give the expressions whose items are the rows of `base`."""
    if spell_path(node) == base:
        yield node
    elif isinstance(node, ast.Call) and last_name(node.func) in {"zip", "enumerate", "reversed"}:
        for one in node.args:
            yield from _rows(one, base)
    elif isinstance(node, ast.Call) and last_name(node.func) == "unbind" and isinstance(node.func, ast.Attribute):
        dim = [
            part.value for part in (*node.args, *(one.value for one in node.keywords)) if isinstance(part, ast.Constant)
        ]
        owner = [node.func.value, *node.args[:1]]
        if dim in ([], [0]) and base in map(spell_path, owner):
            yield node
