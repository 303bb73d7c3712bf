"""Changes that are told under another path: of what a loop or a load has left over, or of a sparse component."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from ..syntax.parsing import parse_cell, parse_path
from ..syntax.syntax_tree import find_nodes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ..records.reading import Reading
    from ..records.snapshots.difference import Difference
    from .evidence.cell_index import CellIndex
    from .verdict import Verdict


def quiet_if_told_elsewhere(
    verdict: Verdict, cell: CellIndex, difference: Difference, leftovers: Collection[str], loaded: Iterable[str] = ()
) -> Verdict:
    """Return the verdict, no longer silent if the same is told of another path.

    That is another path to the memory of a name that a loop has left over, or of a result that a turn of it has used
    up, the optimizer to which a loaded state dict gave its tensors, and the tensor of a component.
    """
    reading = difference.after or difference.before
    if not verdict.is_silent or reading is None:
        return verdict
    if reading.kind == "component":
        return replace(verdict, cause="component")
    is_left = _is_left(cell, difference, reading, leftovers) or _is_spent(verdict, cell, difference.path.root, reading)
    is_left = is_left or _is_handed_over(cell, difference, reading, loaded)
    return replace(verdict, cause="leftover") if is_left else verdict


def _is_left(cell: CellIndex, difference: Difference, reading: Reading, leftovers: Collection[str]) -> bool:
    if difference.path.root not in leftovers:
        return False
    return any(path.root not in leftovers for path, _ in cell.places.overlapping(reading))


def _is_spent(verdict: Verdict, cell: CellIndex, root: str, reading: Reading) -> bool:
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


def _is_handed_over(cell: CellIndex, difference: Difference, reading: Reading, loaded: Iterable[str]) -> bool:
    """Return whether a path leads to a tensor of a state dict that an optimizer has loaded, and goes on with."""
    states = [*map(parse_path, loaded)]
    alike = [path for path, one in cell.places.overlapping(reading) if one.object == reading.object] if states else []
    is_loaded = any(state.leads_to(path) for state in states for path in alike)
    return is_loaded and not cell.is_of_optimizer(difference.path) and any(map(cell.is_of_optimizer, alike))
