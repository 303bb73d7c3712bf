"""The copy of what a `match` captured, at the beginning of its case: a pattern itself cannot copy."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..hazards.fix import Fix
from ..records.typed_line import TypedLine
from ..statements.copied_value import Copying, copied_value
from ..syntax.parsing import statements_on
from ..syntax.statement_text import spell_header
from ..syntax.syntax_tree import names_stored

if TYPE_CHECKING:
    from collections.abc import Iterator


def copied_capture(source: str, begun: TypedLine, copying: Copying) -> Iterator[Fix]:
    r"""Yield the fix that copies what the only case of a `match` binds to a name.

    Parameters
    ----------
    source
        The plain source of the cell in which the statement stands.

    Examples
    --------
    >>> from ..records.path import AccessPath
    >>> source = "match d:\n    case {'x': t}:\n        t.add_(1)"
    >>> copying = Copying(AccessPath("t"), AccessPath("x"))
    >>> [fix] = copied_capture(source, TypedLine(cell=1, line=1, text="match d:"), copying)
    >>> fix.target.text, fix.code
    ('t.add_(1)', 't = t.clone()')
    """
    name = copying.path.root
    nodes = (one for one in statements_on(source, begun.line) if isinstance(one, ast.Match))
    node = next((one for one in nodes if one.lineno == begun.line), None)
    cases = [case for case in node.cases if name in names_stored(case.pattern)] if node is not None else []
    code = copied_value(f"{name} = {name}", copying)
    if len(cases) == 1 and code is not None:
        first = cases[0].body[0]
        target = TypedLine(cell=begun.cell, line=first.lineno, text=spell_header(first, source.split("\n")))
        yield Fix(kind="copy-captured", code=code, names=(str(copying.path),), target=target, says_where=True)
