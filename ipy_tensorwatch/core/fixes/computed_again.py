"""Edits for a hazard that goes when something is computed or copied again after the statement that wrote."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from ..hazards.fix import Edit
from ..statements.statement import parse_statements
from ..syntax.parsing import parse_cell, parse_path, statements_around

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..hazards.fix import Fix
    from ..hazards.hazard import Hazard
    from ..statements.statement import Statement

_Before = list[tuple["Statement", tuple[int, int]]]
_AGAIN = ("compute-again", "backward-before-statement")


def fix_afterwards(hazard: Hazard, cells: Mapping[int, str]) -> Fix:
    """Return the fix of a hazard, with an insertion after the statement that wrote, where its code is known."""
    fix, site, cell = hazard.fix, hazard.written_at, hazard.written_cell
    if fix.edits or site is None or site.inner is not None or cell is None or cell not in cells:
        return fix
    if fix.kind == "part-gradients":
        lines = [fix.code] if fix.code else []
    else:
        lines = [*_computing(hazard, cell, site.line, cells)] if fix.kind in _AGAIN else []
    edit = _inserted_after(cells[cell], cell, site.line, lines) if lines else None
    return fix if edit is None else replace(fix, edits=(edit,), applicability="unsafe")


def _computing(hazard: Hazard, cell: int, line: int, cells: Mapping[int, str]) -> Iterator[str]:
    """Yield the statements that computed what is stale before a line, in order; none if one of them is not plain."""
    before = [
        (one, (count, one.line))
        for count in sorted(cells)
        if count <= cell
        for one in parse_statements(cells[count])
        if count < cell or one.line < line
    ]
    written = {parse_path(one).root for one in hazard.paths}
    found: dict[tuple[int, int], Statement] = {}
    if all(_add(name, before, written, found) for name in hazard.fix.names):
        yield from (found[place].text for place in sorted(found))


def _add(name: str, before: _Before, written: set[str], found: dict[tuple[int, int], Statement]) -> bool:
    """Add the statement that bound a name, and those of what it reads that was computed with what was written."""
    bound = [(one, place) for one, place in before if name in one.binds]
    if not bound or not _is_plain(bound[-1][0].text):
        return False
    one, place = bound[-1]
    found[place] = one
    earlier = [each for each in before if each[1] < place]
    stale = (each for each in one.reads - {name} if _depends(each, earlier, written))
    return all(_add(each, earlier, written, found) for each in sorted(stale))


def _depends(name: str, before: _Before, written: set[str]) -> bool:
    """Return whether a name was computed with one of the variables that were written, directly or over others."""
    bound = [(one, place) for one, place in before if name in one.binds]
    if name in written or not bound or not _is_plain(bound[-1][0].text):
        return False
    one, place = bound[-1]
    earlier = [each for each in before if each[1] < place]
    return not written.isdisjoint(one.reads) or any(_depends(each, earlier, written) for each in one.reads - {name})


def _is_plain(text: str) -> bool:
    tree = parse_cell(text)
    return tree is not None and all(isinstance(one, ast.Assign) for one in tree.body)


def _inserted_after(source: str, cell: int, line: int, new: Sequence[str]) -> Edit | None:
    """Insert lines after the statement at a line, as deep as it is; None if another one shares its last line."""
    tree = parse_cell(source)
    around = [*statements_around(tree, lambda one: one.lineno <= line <= (one.end_lineno or 0))] if tree else []
    if not around or not isinstance(around[-1], ast.Expr | ast.Assign | ast.AugAssign):
        return None
    node, rows = around[-1], source.split("\n")
    end, before = node.end_lineno or line, rows[node.lineno - 1].encode()[: node.col_offset].decode()
    rest = rows[end - 1].encode()[node.end_col_offset or 0 :].decode().strip()
    if before.strip() or (rest and not rest.startswith("#")):
        return None
    return Edit(cell=cell, line=end + 1, end_line=end, text="\n".join(before + one for one in new))
