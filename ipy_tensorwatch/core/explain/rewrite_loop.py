"""Rewrite the head of a loop over a tensor so that its items may be written in place."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..hazards.facts import TypedLine
from ..statements.rewrite_statement import parse_one, splice_source
from ..syntax.ast_queries import last_name, names_bound, spell_path
from ..syntax.parsing import parse_cell, parse_header
from ..syntax.statement_text import header_end, spell
from ..syntax.syntax_tree import all_nodes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def take_one_by_one(source: str, failing: TypedLine, name: str, bases: Collection[str]) -> tuple[TypedLine, str] | None:
    """Rewrite the loop that binds `name` to successive rows of a tensor: its header, or the whole comprehension.

    Line numbers of the result refer to `source`.

    Iterating over a tensor calls `unbind`, whose outputs may not be written in place; a row taken by an index
    may be.

    Parameters
    ----------
    bases
        The names of the tensor.
    """
    tree = parse_cell(source)
    loops = [one for one in all_nodes(tree) if isinstance(one, ast.For)] if tree else []
    around = [one for one in loops if one.lineno <= failing.line <= (one.end_lineno or 0) and name in names_bound(one)]
    if not around:
        code = _in_comprehension(failing.text, name, bases)
        return (failing, code) if code else None
    node, lines = around[-1], source.split("\n")
    end, column = header_end(node, lines)
    text = spell(node, lines, node.lineno, end, column)
    head = parse_header(text)
    code = _rewritten(text, head.iter, bases) if isinstance(head, ast.For) else None
    return (TypedLine(line=node.lineno, text=text), code) if code else None


def _in_comprehension(text: str, name: str, bases: Collection[str]) -> str | None:
    """Rewrite a comprehension.

    Examples
    --------
    >>> _in_comprehension("[row.mul_(2) for row in x]", "row", ["x"])
    '[row.mul_(2) for row in [x[i] for i in range(len(x))]]'
    """
    node = parse_one(text)
    parts = [one for one in all_nodes(node) if isinstance(one, ast.comprehension)] if node else []
    found = (_rewritten(text, one.iter, bases) for one in parts if name in names_bound(one))
    return next((one for one in found if one is not None), None)


def _rewritten(text: str, iterated: ast.expr, bases: Collection[str]) -> str | None:
    found = [(base, one) for base in bases for one in _rows(iterated, base)]
    if len(found) != 1:
        return None
    base, node = found[0]
    return splice_source(text, [node], lambda _: f"[{base}[i] for i in range(len({base}))]")


def _rows(node: ast.expr, base: str) -> Iterator[ast.expr]:
    """Yield the expressions whose items are the rows of `base`."""
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
