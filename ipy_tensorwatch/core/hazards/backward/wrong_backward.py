"""Backwards that ran and were wrong: what they still needed was overwritten, by a hook, a Function or a statement."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ...interpreter.definitions import Code
from ...interpreter.reached_definitions import reached_definitions
from ...runtime.grouped import grouped
from ...syntax.parsing import DEFINITIONS, may_write_gradients, parse_body
from ...syntax.statement_text import words_in
from ...syntax.syntax_tree import names_in
from ..hazard import Hazard
from ..hazard_facts import WrongBackward
from .backward_functions import GradientWriter, find_writers
from .shared_branches import is_shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ...blame.reasoning import Reasoning
    from ...records.reading import Reading
    from ...records.trace.notebook import Definition, Notebook
    from ...statements.statement import Statement
    from ..standing_hazards import Standing

_SAVE_THEIR_RESULT = frozenset(
    f"{name}Backward0"
    for name in (
        *("Exp", "Expm1", "Sigmoid", "Tanh", "Sqrt", "Rsqrt", "Reciprocal", "Softmax", "LogSoftmax", "Exp2", "Tan"),
        *("LinalgInvEx", "SigmoidBackward", "Cumprod", "Logcumsumexp"),
    )
)
"""The nodes whose gradient is computed from the result."""


def wrong_backwards(reasoning: Reasoning, standing: Standing) -> Iterator[Hazard]:
    """Yield hazards for the backwards of a cell that computed with what had been overwritten."""
    known = (reasoning.own.evidence.plain, *(one.source for one in standing.built.values()))
    defined = (one.source for one in reasoning.trace.notebook.definitions.values())
    if reasoning.trace.cell.status != "ok" or not any(map(may_write_gradients, (*known, *defined))):
        return
    ran = [one for one in _ran(reasoning) if _is_backward(reasoning, one)]
    sources = _sources(reasoning, standing, ran) if ran else []
    writers = [*dict.fromkeys(find_writers(sources, reasoning.trace.notebook.classes))]
    yield from _of_saved(reasoning, [one for one in writers if one.of_saved], ran)
    for one in writers:
        if not one.of_saved and is_shared(one, sources, reasoning.trace.after):
            yield _hazard(reasoning, one, ran[-1], WrongBackward(writer=one.name, hooked=one.hooked))


def _ran(reasoning: Reasoning) -> list[Statement]:
    return [one for one in reasoning.own.statements if one.index in reasoning.own.evidence.ran]


def _is_backward(reasoning: Reasoning, one: Statement) -> bool:
    if "backward(" in one.text or "autograd.grad(" in one.text:
        return True
    is_known = not reasoning.trace.notebook.definitions.keys().isdisjoint(words_in(one.text))
    return one.calls and is_known and reasoning.own.effects_of(one).backward


def _sources(reasoning: Reasoning, standing: Standing, ran: Sequence[Statement]) -> list[Code]:
    """Return the cell, the cells that made what its backwards start from or hook it, and the definitions behind."""
    own, alive = reasoning.own.evidence, reasoning.trace.graphs.cells
    others = {cell: one for cell, one in standing.built.items() if cell != own.cell}
    made = _roots(ran)
    making = {cell: one for cell, one in others.items() if any(made & each.binds for each in one.statements)}
    used = made.union(_roots(reasoning.own.statements), *(_roots(one.statements) for one in making.values()))
    cells = [
        Code.of(cell, _with_only(one.source, None if cell in making and cell in alive else used))
        for cell, one in others.items()
    ]
    cells.append(Code.of(own.cell, _with_only(own.plain)))
    return [*_definitions_behind(reasoning.trace.notebook, cells), *cells]


def _with_only(source: str, hooked: set[str] | None = None) -> str:
    """Blank the lines of functions and classes, which run only if they are used.

    Parameters
    ----------
    hooked
        If given, all is blanked but the statements that register hooks of these variables.
    """
    kept = set[int]()
    for node in parse_body(source):
        is_hook = hooked is None or (may_write_gradients(ast.unparse(node)) and not hooked.isdisjoint(names_in(node)))
        if is_hook and not isinstance(node, DEFINITIONS):
            kept.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return "\n".join(line if number in kept else "" for number, line in enumerate(source.split("\n"), 1))


def _roots(statements: Iterable[Statement]) -> set[str]:
    return {path.root for one in statements for path in one.mentions}


def _definitions_behind(notebook: Notebook, cells: Sequence[Code]) -> Iterator[Code]:
    """Return the definitions that some cells use by name, or by an instance."""
    words = {*words_in(" ".join(one.text for one in cells))}
    words.update(kind for path, kind in notebook.classes.items() if not words.isdisjoint(words_in(path)[:1]))
    outermost = {name: one for name, one in notebook.definitions.items() if _is_outermost(one)}
    return (Code.of(one.cell, one.source, one.offset) for one in reached_definitions(words, outermost))


def _is_outermost(one: Definition) -> bool:
    """Return whether a definition is the statement itself, no method and no function inside it."""
    return re.search(rf"^(?:async def|def|class|) ?{re.escape(one.name)}\b", one.source, re.MULTILINE) is not None


def _of_saved(reasoning: Reasoning, writers: list[GradientWriter], ran: list[Statement]) -> Iterator[Hazard]:
    """Yield hazards for tensors that a Function overwrote in its backward, which a node below it had saved."""
    spent = grouped(reasoning.trace.graphs.spent, lambda one: one.reading.storage)
    for path, reading in _written_by(reasoning, {one.index for one in ran}) if writers else ():
        ops = [one.op for one in spent.get(reading.storage, ())]
        ops += [reading.grad_fn] if reading.grad_fn in _SAVE_THEIR_RESULT else []
        found = ((writer, op) for op in ops for writer in writers if not op.startswith(writer.hooked))
        yield from (
            _hazard(reasoning, one, ran[-1], WrongBackward(writer=one.name), op, path) for one, op in [*found][:1]
        )


def _written_by(reasoning: Reasoning, ran: set[int]) -> Iterator[tuple[str, Reading]]:
    """Yield the variables that were written while one of these statements ran, past the version counter."""
    own, snapshot = reasoning.own, reasoning.trace.after
    told: dict[str, Reading] = {}
    for change in reasoning.unsettled:
        reading = snapshot.get(change.path)
        lines = {(site.line, site.text) for site in change.sites}
        is_by = any((own.numbered[one].line, own.numbered[one].text) in lines for one in ran)
        if is_by and reading is not None and change.kind == "mutated" and not change.versioned:
            told[change.path] = reading
    for storage, writes in own.evidence.writes.items():
        if any({each.statement for each in one.positions} <= ran for one in writes):
            told.update((str(path), reading) for path, reading in snapshot.by_storage.get(storage))
    yield from told.items()


def _hazard(reasoning: Reasoning, writer: GradientWriter, ran: Statement, fact: WrongBackward, *saved: str) -> Hazard:
    op, path = saved or (None, writer.hooked)
    return Hazard(
        code="TW210",
        outcome="wrong",
        paths=(path,) if reasoning.trace.after.get(path) is not None else (),
        op=op,
        fact=fact,
        fix=writer.fix,
        written_at=ran.site("inferred", writer.line),
        written_cell=reasoning.trace.cell.count,
        happened=True,
    )
