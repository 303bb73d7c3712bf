"""Lists that repeat one object: `[nn.Linear(2, 2)] * 3` makes it once."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ..syntax.ast_queries import own_nodes, source_of_node
from ..syntax.parsing import parse_cell
from ..syntax.statement_text import spell_header
from ..syntax.syntax_tree import all_nodes
from .rewrite_statement import parse_one, replace_expressions

if TYPE_CHECKING:
    from collections.abc import Iterator


class RepeatedCall(NamedTuple):
    """A statement that puts a list into a variable or an attribute, in which what one call gave is repeated.

    Attributes
    ----------
    target
        The variable or the attribute, as typed.
    line, text
        The statement, numbered in its source.
    code
        The statement with a call for each item.
    """

    target: str
    line: int
    text: str
    code: str


@lru_cache(maxsize=1024)
def repeated_calls(source: str) -> tuple[RepeatedCall, ...]:
    """Return the statements of a source that repeat what one call gave, those in functions too.

    Examples
    --------
    >>> [one] = repeated_calls("layers = nn.ModuleList([nn.Linear(2, 2)] * 3)")
    >>> one.target, one.code
    ('layers', 'layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])')
    """
    tree = parse_cell(source) if "] *" in source or "* [" in source else None
    return tuple(_repeated(tree, source.split("\n"))) if tree is not None else ()


def _repeated(tree: ast.Module, lines: list[str]) -> Iterator[RepeatedCall]:
    for node in all_nodes(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and any(map(_times, own_nodes(node))):
            text = spell_header(node, lines)
            yield RepeatedCall(ast.unparse(node.targets[0]), node.lineno, text, _with_a_call_each(text))


def _times(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    """Return the call that a product of a list repeats, and how often."""
    match node:
        case ast.BinOp(left=ast.List(elts=[ast.Call() as call]), op=ast.Mult(), right=count):
            return call, count
        case ast.BinOp(left=count, op=ast.Mult(), right=ast.List(elts=[ast.Call() as call])):
            return call, count
    return None


def _with_a_call_each(text: str) -> str:
    node, new = parse_one(text), dict[ast.expr, str]()
    for part in own_nodes(node) if node is not None else ():
        found = _times(part) if isinstance(part, ast.BinOp) else None
        if found is not None and isinstance(part, ast.expr):
            call, count = (source_of_node(text, one) for one in found)
            new[part] = f"[{call} for _ in range({count})]"
    return replace_expressions(text, new)
