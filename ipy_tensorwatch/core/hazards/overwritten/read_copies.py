"""Let the statements of a function that fill a tensor from its own parts read copies of them."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ...records.typed_line import TypedLine
from ...statements.rewrite_statement import cloned_inputs, cloned_parts, written_path
from ...syntax.ast_queries import covers_line
from ...syntax.parsing import function_around, walk_statements
from ...syntax.statement_text import spell_header
from ...syntax.syntax_tree import LOOPS
from ..fix import Fix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...records.report_parts import Inner

_SIZES = re.compile(r"\.clone\(\)\.(?:shape|size|ndim|dtype|device|dim|numel)\b|\blen\(")


def read_copies(source: str, write: Inner | TypedLine) -> Fix | None:
    """Return the fix for a line that reads parts of the tensor that it writes; None if it does not.

    A copy of the whole before such a line does not help: the line saves parts of what it then writes. In a loop, all
    statements that read the tensor save parts that a later turn writes.

    Parameters
    ----------
    source
        The source of the write's cell.
    """
    name = written_path(write.text) or ""
    if write.cell is None or not name.isidentifier() or cloned_inputs(write.text, {name}) is None:
        return None
    several = [*_reading(source, write, name)]
    if not several:
        return None
    (target, code), *others = several
    return Fix(kind="read-copy", code=code, target=target, also=tuple(others), says_where=True)


def _reading(source: str, write: Inner | TypedLine, name: str) -> Iterator[tuple[TypedLine, str]]:
    """Yield the statements of the loop around a line, or the line itself, with copies of the parts that they read."""
    lines = source.split("\n")
    function = function_around(source, write.line)
    inside = [one for one in walk_statements(getattr(function, "body", [])) if covers_line(one, write.line)]
    outermost = next((one for one in inside if isinstance(one, LOOPS)), inside[-1] if inside else None)
    for node in walk_statements([outermost]) if outermost is not None else ():
        if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.AnnAssign):
            text = spell_header(node, lines)
            code = cloned_parts(text, {name})
            if code is not None and not _SIZES.search(code):
                yield TypedLine(cell=write.cell, line=node.lineno, text=text), code
