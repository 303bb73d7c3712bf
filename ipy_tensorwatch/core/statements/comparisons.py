"""The comparisons that statements make: which expressions they compare."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ..syntax.ast_queries import last_name, own_nodes
from ..syntax.parsing import LAST_SOURCES, parse_body, walk_statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_COMPARING = frozenset(("equal", "array_equal", "allclose", "isclose", "assert_close", "dist", "mse_loss", "l1_loss"))
_VALUES = frozenset(("detach", "clone", "cpu", "numpy", "copy", "flatten", "view", "abs", "float", "double"))
"""Methods whose result has the values of their object."""
_MAY_COMPARE = re.compile(r"equal\(|close\(|dist\(|_loss\(|==|!=|-")


class ComparedPair(NamedTuple):
    """Two expressions that a statement, given by its index, compares, without what only takes their values."""

    statement: int
    first: ast.expr
    second: ast.expr


@lru_cache(maxsize=LAST_SOURCES)
def comparisons_in(source: str) -> tuple[ComparedPair, ...]:
    """Return the comparisons of a cell's own statements; a variable of a loop over `zip` stands for what it goes over.

    Examples
    --------
    >>> [one] = comparisons_in("all((p == q).all() for p, q in zip(old, net.parameters()))")
    >>> ast.unparse(one.first), ast.unparse(one.second)
    ('old', 'net.parameters()')
    """
    if not _MAY_COMPARE.search(source):
        return ()
    statements = [*walk_statements(parse_body(source))]
    loops = {name: through for node in statements for name, through in _zipped(node)}
    found = [(index, *pair) for index, node in enumerate(statements) for pair in _compared(node)]
    return tuple(ComparedPair(index, _gone_over(one, loops), _gone_over(other, loops)) for index, one, other in found)


def _zipped(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """Yield the variables of the loops of a statement over `zip`, each with what it goes over."""
    loops = [node, *own_nodes(node)]
    for one in loops:
        match one:
            case (
                ast.For(target=ast.Tuple(elts=targets), iter=ast.Call(func=ast.Name(id="zip"), args=through))
                | ast.comprehension(
                    target=ast.Tuple(elts=targets), iter=ast.Call(func=ast.Name(id="zip"), args=through)
                )
            ):
                pairs = zip(targets, through, strict=False)
                yield from ((name.id, each) for name, each in pairs if isinstance(name, ast.Name))


def _compared(node: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr]]:
    for part in own_nodes(node):
        match part:
            case ast.Compare(left=first, ops=[ast.Eq() | ast.NotEq()], comparators=[second]):
                yield _of_values(first), _of_values(second)
            case ast.BinOp(left=first, op=ast.Sub(), right=second):
                yield _of_values(first), _of_values(second)
            case ast.Call(func=ast.Attribute(value=first, attr=name), args=[second]) if name in _COMPARING:
                yield _of_values(first), _of_values(second)
            case ast.Call(func=func, args=[first, second, *_]) if last_name(func) in _COMPARING:
                yield _of_values(first), _of_values(second)


def _of_values(node: ast.expr) -> ast.expr:
    """Return what an expression takes the values of: `w` of `w.detach().cpu()`."""
    match node:
        case ast.Attribute(value=value, attr="data"):
            return _of_values(value)
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in _VALUES:
            return _of_values(value)
    return node


def _gone_over(node: ast.expr, loops: Mapping[str, ast.expr]) -> ast.expr:
    return loops.get(node.id, node) if isinstance(node, ast.Name) else node
