"""The functions and classes that a cell defines, each with its enclosing statement of the cell."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..records.trace.notebook import Definition
from ..syntax.parsing import DEFINITIONS, name_of_lambda, parse_body, walk_statements
from ..syntax.syntax_tree import all_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator


def definitions_in(source: str, cell: int) -> dict[str, Definition]:
    r"""Return a cell's definitions by name; top-level ones take precedence over those inside functions.

    A lambda has a name by the place of its body as well: an attribute, or an argument, may be all that leads to it.
    Only the enclosing statement is kept as source, so that a long cell is not parsed again for each of its
    functions.

    Examples
    --------
    >>> definitions_in("a = 1\n\ndef f(x):\n    x.add_(1)\n", 3)["f"]
    Definition(name='f', cell=3, source='def f(x):\n    x.add_(1)', offset=2)
    """
    lines = source.split("\n")
    found: dict[str, Definition] = {}
    own: dict[str, Definition] = {}
    for node in parse_body(source):
        names = dict.fromkeys(name for part in all_nodes(node) for name in _names(part, cell))
        if names:
            start = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
            text = "\n".join(lines[start - 1 : node.end_lineno])
            made = {name: Definition(name=name, cell=cell, source=text, offset=start - 1) for name in names}
            found.update(made)
            own.update((name, made[name]) for part in walk_statements([node]) for name in _names(part, cell))
    return {**found, **own}


def _names(node: ast.AST, cell: int) -> Iterator[str]:
    if isinstance(node, DEFINITIONS):
        yield node.name
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
        yield from (one.id for one in node.targets if isinstance(one, ast.Name))
    elif isinstance(node, ast.Lambda):
        yield name_of_lambda(cell, node.body.lineno, node.body.col_offset)
