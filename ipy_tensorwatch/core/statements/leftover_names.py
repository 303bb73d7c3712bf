"""The names that are left over from loops: only the header of a loop binds them, and only its body uses them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..syntax.ast_queries import names_bound
from ..syntax.magic_calls import find_source
from ..syntax.parsing import DEFINITIONS, blocks_of, parse_body, walk_statements
from .names_used import binds_of, mentions_of
from .writes.loop_elements import loops_around

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .writes.loop_elements import Loops


def leftover_names(source: str, known: frozenset[str] = frozenset()) -> frozenset[str]:
    r"""Return the names that are left over from loops after a cell.

    A loop with a `break` is no such loop: `for xb, yb in loader: break` is how a first batch is taken.

    Parameters
    ----------
    known
        Those that were left over before it.

    Examples
    --------
    >>> sorted(leftover_names("for p in net.parameters(): p *= 2\nq = 1", frozenset("qx")))
    ['p', 'x']
    """
    looped, others = set[str](), set[str]()
    for node, loops in _statements(source):
        is_loop = isinstance(node, ast.For | ast.AsyncFor) and not _stops(node)
        bound = binds_of(node)
        (looped if is_loop else others).update(bound)
        used = {path.root for path in mentions_of(node)}
        here = (names_bound(one) for one in loops if not isinstance(one, ast.While))
        others |= used.difference(bound, *here)
    return frozenset((known | looped) - others)


def _statements(source: str) -> Iterator[tuple[ast.stmt, Loops]]:
    """Yield the statements of a cell, each with the loops around it, and those of the code that its magics run."""
    body = parse_body(source)
    loops = loops_around(body)
    for node in walk_statements(body):
        yield node, loops.get(id(node), ())
        yield from _statements(find_source(node))


def _stops(loop: ast.For | ast.AsyncFor) -> bool:
    """Return whether a loop may end by a `break` of its own."""
    waiting: list[ast.stmt] = [*loop.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Break):
            return True
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            waiting += node.orelse
        elif not isinstance(node, DEFINITIONS):
            waiting += [inner for block in blocks_of(node) for inner in block]
    return False
