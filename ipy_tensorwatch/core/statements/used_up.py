"""Whether a statement is the last to read what a name leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..syntax.parsing import parse_body, walk_statements
from .names_used import binds_of, reads_of
from .writes.loop_elements import loops_around

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable


def is_used_up(source: str, index: int, name: str) -> bool:
    r"""Return whether no statement of a cell reads a name after one of them, before it is bound anew.

    Examples
    --------
    >>> source = "new = state(net)\nnet.load({k: v / 2 for k, v in new.items()})"
    >>> is_used_up(source, 1, "new"), is_used_up(source + "\nprint(new)", 1, "new")
    (True, False)
    >>> is_used_up("new = state(net)\nfor i in range(3):\n    net.load(half(new))", 2, "new")
    False
    """
    body = parse_body(source)
    nodes, loops = [*walk_statements(body)], loops_around(body)
    if index >= len(nodes):
        return False
    around = loops.get(id(nodes[index]), ())
    again = [one for one in nodes[:index] if around and around[-1] in loops.get(id(one), ())]
    return not _is_read_next(nodes[index + 1 :], name) and not (around and _is_read_next([*again, nodes[index]], name))


def _is_read_next(nodes: Iterable[ast.stmt], name: str) -> bool:
    """Return whether the first of some statements that names a variable reads it."""
    return next((name in reads_of(one) for one in nodes if name in reads_of(one) or name in binds_of(one)), False)
