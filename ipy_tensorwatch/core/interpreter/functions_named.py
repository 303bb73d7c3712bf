"""The notebook's functions that a statement names, and those that they name."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..syntax.parsing import parse_cell
from ..syntax.syntax_tree import all_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.notebook import Notebook

MAX_FOLLOWED = 32


def functions_named(node: ast.AST, notebook: Notebook) -> dict[str, ast.stmt]:
    """Return the functions and classes of a notebook that a statement may run, at most `MAX_FOLLOWED`."""
    waiting, found = [*_names(node, notebook)], dict[str, ast.stmt]()
    while waiting and len(found) < MAX_FOLLOWED:
        name = waiting.pop(0)
        known = notebook.definitions.get(name) if name not in found else None
        tree = parse_cell(known.source) if known is not None else None
        if tree is not None:
            found[name] = tree.body[0]
            waiting += _names(tree, notebook)
    return found


def _names(tree: ast.AST, notebook: Notebook) -> Iterator[str]:
    for part in all_nodes(tree):
        if isinstance(part, ast.Name):
            yield part.id
            yield notebook.classes.get(part.id, "")
        elif isinstance(part, ast.Attribute):
            yield part.attr
