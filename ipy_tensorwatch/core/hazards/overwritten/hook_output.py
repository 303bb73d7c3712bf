"""A forward hook that writes its output in place: a new tensor that it returns takes the output's place."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ...records.trace.notebook import FORWARD_HOOKS, given_by_partial
from ...records.typed_line import TypedLine
from ...statements.rewrite_statement import out_of_place, written_path
from ...syntax.parsing import function_around
from ...syntax.syntax_tree import find_nodes
from ..fix import Fix

if TYPE_CHECKING:
    from ...records.report_parts import Inner
    from ...records.trace.notebook import Notebook


def returned_by_hook(inner: Inner | TypedLine, notebook: Notebook) -> Fix | None:
    """Return the fix for the last statement of a hook that returns nothing; None for other lines.

    Inside a block, or under a decorator, that records nothing, a new tensor would have no graph.
    """
    cell = inner.cell or 0
    function = function_around(notebook.source_of(cell), inner.line)
    if not isinstance(function, ast.FunctionDef) or not _is_hook(function, notebook) or function.decorator_list:
        return None
    out, is_last = function.args.args[-1].arg, function.body[-1].lineno == inner.line
    if not is_last or written_path(inner.text) != out or find_nodes(ast.Return, function):
        return None
    new = out_of_place(inner.text, {out}) or ""
    prefix = f"{out} = "
    returned = f"return {new.removeprefix(prefix)}"
    code = returned if new.startswith(prefix) else f"{prefix}{out}.clone(); {inner.text}; return {out}"
    return Fix(
        kind="return-new", code=code, target=TypedLine(cell=cell, line=inner.line, text=inner.text), says_where=True
    )


def _is_hook(function: ast.FunctionDef, notebook: Notebook) -> bool:
    """Return whether a function, or the objects of a class that it is in, are called after the forward of a module."""
    names = {given_by_partial(name)[1] for path, name in notebook.classes.items() if FORWARD_HOOKS in path}
    if len(function.args.args) not in (3, 4):  # a method's object, the module, what it was given, its output
        return False
    sources = (one.source for name in names if (one := notebook.definitions.get(name)) is not None)
    return function.name in names or (function.name == "__call__" and any("def __call__(" in one for one in sources))
