"""Statements that read parts of a tensor which they overwrite: `a -= a[:, :1]`, `a[0], a[1] = a[1], a[0]`."""

from __future__ import annotations

import ast
from itertools import permutations
from typing import TYPE_CHECKING

from ...interpreter.functions_named import functions_named
from ...interpreter.inferred_lines import event_line
from ...memory.element_order import reads_overwritten
from ...memory.overlap import share_bytes
from ...memory.view_layouts import expand
from ...records.report_parts import Inner, Site
from ...records.typed_line import typed_line
from ...statements.rewrite_statement import parse_one, replace_expressions
from ...statements.writes.operands_read import OperandRead, may_read_operands, operands_in, operands_read
from ...statements.writes.view_expressions import index_numbers
from ...syntax.ast_queries import root_variable, source_of_node, spell_path
from ...syntax.parsing import parse_header
from ...syntax.syntax_tree import find_nodes, names_in
from ..fix import Fix, copy_call
from ..hazard import Hazard
from ..hazard_facts import OverwrittenOperand
from .view_scene import ViewScene, reading_layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ...blame.reasoning import Reasoning
    from ...statements.statement import Statement
    from ...statements.writes.write_target import KeyValues

_INDICES = (0, 1, 3)
"""What a name in an index is taken to be, one after the other."""


def operands_overwritten(reasoning: Reasoning) -> Iterator[Hazard]:
    """Yield a hazard for each statement of a cell, and each line that it reached, that reads what it overwrites."""
    trace, statements = reasoning.trace, reasoning.own.numbered
    own = operands_in(trace.own.plain)
    scene = ViewScene(reasoning.places.watched, trace.own.plain) if own else None
    bound = _last_bound(reasoning.own.statements) if own else {}
    for index, operands in own.items():
        roots = {root_variable(part) for one in operands for part in (one.written, one.read)}
        leads_elsewhere = any(bound.get(name, -1) > index for name in roots)  # by the end of the cell
        if scene is not None and index in trace.own.ran and index in statements and not leads_elsewhere:
            yield from _told(statements[index], reasoning, scene)
    if any(may_read_operands(one.source) for one in trace.notebook.definitions.values()):
        for index in sorted(trace.own.ran):
            if index in statements and statements[index].calls:
                yield from _told_inside(statements[index], reasoning)


def _last_bound(statements: Iterable[Statement]) -> dict[str, int]:
    """Return the last statement that binds each name, by its index."""
    return {name: one.index for one in statements for name in one.binds}


def _told_inside(statement: Statement, reasoning: Reasoning) -> Iterator[Hazard]:
    """Yield the hazards of the lines of functions that a statement calls."""
    notebook = reasoning.trace.notebook
    named = functions_named(parse_header(statement.text), notebook)
    if not any(may_read_operands(notebook.definitions[name].source) for name in named):
        return
    told = set[Inner]()
    for event in reasoning.own.effects_of(statement).events:
        if event.reference is not None and any(one.is_of_itself for one in operands_read(event.node)):
            inner = event_line(event)
            scene = ViewScene(reasoning.places.watched, event.code.text, event.reference.path)
            for one in _told(statement, reasoning, scene, inner) if inner not in told else ():
                told.add(inner)
                yield one


def _told(statement: Statement, reasoning: Reasoning, scene: ViewScene, inner: Inner | None = None) -> Iterator[Hazard]:
    node = parse_one((inner or statement).text)
    operands = [one for one in operands_read(node) if inner is None or one.is_of_itself] if node is not None else []
    several = [one for one in operands if _is_overwritten(one, scene)]
    if several:
        is_certain = inner is None and not any(map(_has_names, operands))
        path = scene.tensor_of(several[0].written)
        yield _hazard(several, statement.site(inner=inner), reasoning, path, is_certain=is_certain)


def _is_overwritten(operand: OperandRead, scene: ViewScene) -> bool:
    """Return whether an operand shares memory with what is written, and may be read after it is overwritten."""
    spelled = spell_path(operand.written) if operand.is_item else None
    if spelled is not None and scene.path_of(spelled):
        return False  # an item of a container
    parts = operand.written, operand.read
    names = sorted(frozenset[str]().union(*(index_numbers(one, scene.numbers) for one in parts)))
    choices = permutations(_INDICES, len(names))  # of more names none
    return any(_meets(operand, scene, dict(zip(names, chosen, strict=True))) for chosen in choices)


def _meets(operand: OperandRead, scene: ViewScene, values: KeyValues) -> bool:
    written, read = (scene.view(one, values) for one in (operand.written, operand.read))
    if written is None or read is None or written.storage != read.storage or written.dtype != read.dtype:
        return False
    if operand.is_later:
        is_number = read.kind == "ndarray" and not read.shape
        return not is_number and bool(share_bytes(written, read))
    if written.kind == "ndarray" or (written.is_dense and read.is_dense):
        return False  # NumPy reads from a copy, and PyTorch refuses
    broad = expand(reading_layout(read), written.shape)
    return broad is not None and reads_overwritten(reading_layout(written), broad, in_order=written.device == "cpu")


def _hazard(several: Sequence[OperandRead], site: Site, reasoning: Reasoning, path: str, *, is_certain: bool) -> Hazard:
    """Return the hazard; elements of one operation are computed in an order that PyTorch does not promise."""
    place, cell, is_later = site.inner or site, reasoning.trace.cell.count, all(one.is_later for one in several)
    copy = copy_call(reasoning.places.watched[path])
    copies = {one.read: source_of_node(place.text, one.read) + copy for one in several}
    code, target = replace_expressions(place.text, copies), typed_line(cell, place)
    return Hazard(
        code="TW206",
        outcome="wrong" if is_later and is_certain else "risk",
        paths=(path,),
        fact=OverwrittenOperand(is_later=is_later),
        fix=Fix(kind="read-copy", code=code, target=target, says_where=site.inner is not None),
        written_at=site,
        written_cell=cell,
        happened=True,
    )


def _has_names(operand: OperandRead) -> bool:
    keys = [one.slice for part in (operand.written, operand.read) for one in find_nodes(ast.Subscript, part)]
    return any(map(names_in, keys))
