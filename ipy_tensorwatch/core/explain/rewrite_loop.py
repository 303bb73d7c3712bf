"""Rewrite a loop over a tensor to count its rows, so that they may be written in place."""

from __future__ import annotations

import ast
from itertools import chain, count
from typing import TYPE_CHECKING, TypeGuard

from ..hazards.error_facts import IndexedLoop
from ..records.typed_line import TypedLine
from ..statements.rewrite_statement import parse_one, replace_expressions
from ..syntax.ast_queries import arguments, covers_line, last_name, spell_path
from ..syntax.parsing import parse_cell, parse_header
from ..syntax.statement_text import spell_header
from ..syntax.syntax_tree import all_nodes, find_nodes, names_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    _Replacement = tuple[ast.expr, str]


def take_one_by_one(source: str, failing: TypedLine, name: str, bases: Collection[str]) -> IndexedLoop | None:
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
    loops = find_nodes(ast.For, tree)
    around = [one for one in loops if covers_line(one, failing.line) and name in names_in(one.target)]
    if not around:
        return _in_comprehension(failing, name, bases)
    node, lines = around[-1], source.split("\n")
    text = spell_header(node, lines)
    head = parse_header(text)
    if tree is None or not isinstance(head, ast.For) or _is_used_otherwise(name, node, tree):
        return None
    found = _counting(head, name, bases, tree)
    if found is None:
        return None
    splices, row = found
    return IndexedLoop(TypedLine(line=node.lineno, text=text), replace_expressions(text, dict(splices)), name, row)


def _is_used_otherwise(name: str, loop: ast.For, tree: ast.AST) -> bool:
    """Return whether a loop variable is bound again in its loop, or read behind it before it is bound again."""
    own = [part for one in (*loop.body, *loop.orelse) for part in all_nodes(one)]
    grown = {id(part.target) for part in own if isinstance(part, ast.AugAssign)}
    bound = any(_is_name(part, name) and not _is_load(part) and id(part) not in grown for part in own)
    end = loop.end_lineno or loop.lineno
    later = [part for part in all_nodes(tree) if _is_name(part, name) and part.lineno > end]
    return bound or _is_load(min(later, key=lambda one: (one.lineno, one.col_offset), default=loop.target))


def _is_name(part: ast.AST, name: str) -> TypeGuard[ast.Name]:
    return isinstance(part, ast.Name) and part.id == name


def _is_load(part: ast.expr) -> bool:
    return isinstance(getattr(part, "ctx", None), ast.Load)


def _indices(tree: ast.AST) -> Iterator[str]:
    """Yield names for an index that the source does not use."""
    used = names_in(tree)
    names = chain("ijkn", (f"row_{number}" for number in count(1)))
    return (one for one in names if one not in used)


def _in_comprehension(failing: TypedLine, name: str, bases: Collection[str]) -> IndexedLoop | None:
    """Rewrite a comprehension.

    Examples
    --------
    >>> _in_comprehension(TypedLine(line=1, text="[row.mul_(2) for row in x]"), "row", ["x"]).code
    '[x[i].mul_(2) for i in range(len(x))]'
    """
    node = parse_one(failing.text)
    for one in all_nodes(node) if node else ():
        for part in getattr(one, "generators", ()):
            found = _counting(part, name, bases, one) if name in names_in(part.target) else None
            if found is not None:
                splices, row = found
                reads = [part for part in all_nodes(one) if _is_name(part, name) and _is_load(part)]
                code = replace_expressions(failing.text, {**dict(splices), **dict.fromkeys(reads, row)})
                return IndexedLoop(failing, code, name, "")
    return None


def _counting(
    loop: ast.For | ast.comprehension, name: str, bases: Collection[str], tree: ast.AST
) -> tuple[list[_Replacement], str] | None:
    """Return what to replace in a loop's header so that it counts the rows, and how its body then spells a row."""
    found = [(base, one) for base in bases for one in _rows(loop.iter, base)]
    if len(found) != 1:
        return None
    base, rows = found[0]
    match loop.target, loop.iter:
        case ast.Tuple(elts=[ast.Name(id=index), ast.Name()]), ast.Call(args=[only], keywords=[]) if (
            only is rows and last_name(loop.iter.func) == "enumerate"
        ):
            return [(loop.target, index), (loop.iter, f"range(len({base}))")], f"{base}[{index}]"
    index = next(_indices(tree))
    names = [part for part in all_nodes(loop.target) if _is_name(part, name)]
    return [*((part, index) for part in names), (rows, f"range(len({base}))")], f"{base}[{index}]"


def _rows(node: ast.expr, base: str) -> Iterator[ast.expr]:
    """Yield the expressions whose items are the rows of `base`."""
    if spell_path(node) == base:
        yield node
    elif isinstance(node, ast.Call) and last_name(node.func) in {"zip", "enumerate", "reversed"}:
        for one in node.args:
            yield from _rows(one, base)
    elif isinstance(node, ast.Call) and last_name(node.func) == "unbind" and isinstance(node.func, ast.Attribute):
        dim = [part.value for part in arguments(node) if isinstance(part, ast.Constant)]
        owner = [node.func.value, *node.args[:1]]
        if dim in ([], [0]) and base in map(spell_path, owner):
            yield node
