"""Results that each turn of a loop computes and uses before an optimizer's step: nobody reads them after it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..syntax.parsing import parse_cell
from ..syntax.syntax_tree import find_nodes

if TYPE_CHECKING:
    from ..model.reading import Reading
    from .evidence.cell_index import CellIndex
    from .verdict import Verdict


def is_spent(verdict: Verdict, cell: CellIndex, root: str, reading: Reading) -> bool:
    """Return whether a result over a parameter, bound and used in a turn of a loop, changed in the step that ended it.

    A statement that reads it after the step, or in the next turn before it is bound anew, reads what has changed.
    """
    lines = {site.line for site in verdict.sites}
    stepped = {one.statement for one in cell.evidence.steps}
    stepping = {one.line for one in cell.statements if one.index in stepped}
    if reading.grad_fn is None or not lines or not lines <= stepping:
        return False
    turn = _innermost_loop(cell.evidence.plain, min(lines), max(lines))
    if turn is None:
        return False
    bound = [one.line for one in cell.statements if root in one.binds]
    read = [one.line for one in cell.statements if root in one.reads and one.line >= turn.start]
    is_bound_in_turn = bool(bound) and turn.start <= min(bound) <= max(bound) < min(lines)
    return is_bound_in_turn and bool(read) and all(max(bound) < line < min(lines) for line in read)


def _innermost_loop(source: str, first: int, last: int) -> range | None:
    """Return the lines of the body of the innermost loop around some lines."""
    tree = parse_cell(source)
    loops: list[ast.For | ast.While] = [*find_nodes(ast.For, tree), *find_nodes(ast.While, tree)]
    turns = [range(one.body[0].lineno, (one.body[-1].end_lineno or 0) + 1) for one in loops]
    around = [one for one in turns if first in one and last in one]
    return min(around, key=len, default=None)
