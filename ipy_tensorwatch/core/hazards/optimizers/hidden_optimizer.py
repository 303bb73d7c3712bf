"""Parameters that get gradients beside an optimizer to which no variable leads: one of a function, or of a closure."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ...interpreter.functions_named import functions_named
from ...syntax.parsing import parse_header
from ...syntax.statement_text import words_in
from ...syntax.syntax_tree import find_nodes
from ..fix import Fix
from ..hazard import Hazard
from ..hazard_facts import NotTrained
from ..lasting_hazard import Lasting

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ...blame.reasoning import Reasoning
    from ...records.report_parts import Site
    from ...records.snapshots.snapshot import Entry
    from ...records.trace.cell_trace import CellTrace
    from ...records.trace.evidence import OptimizerStep

_STEP = re.compile(r"([\w.]+)\.step\(")


def hidden_optimizer(
    reasoning: Reasoning, step: OptimizerStep, held: Collection[int], known: Collection[str]
) -> Iterator[Lasting]:
    """Yield a hazard if the optimizer steps on parameters that are gone, beside others that got gradients.

    Where all are gone and none had a gradient, the whole model was replaced: the others are those that the statement,
    or a function that it calls, names.

    Parameters
    ----------
    held
        The parameters that some optimizer holds.
    known
        The paths that are told already.
    """
    statement = reasoning.own.numbered.get(step.statement) if step.statement is not None else None
    lost = _count_lost(reasoning.trace, step) if statement is not None else 0
    if statement is None or not lost:
        return
    is_replaced = step.is_idle and lost == step.holds
    named = _words_of(reasoning, statement.text) if is_replaced else None
    unheld = [*_unheld(reasoning, step, held, named)]
    if not unheld or not (is_replaced or len(unheld) == lost) or {str(path) for path, _ in unheld} <= {*known}:
        return
    called = _STEP.search(step.inner.text if step.inner else statement.text)
    name = called[1] if called else "optimizer"
    hazard = Hazard(
        code="TW212",
        outcome="wrong",
        paths=tuple(str(path) for path, _ in unheld),
        fact=NotTrained(optimizer=name, how="replaced", made=None, is_hidden=True),
        fix=_fix(reasoning, statement.text, name, unheld),
        written_at=_site(reasoning, step),
        written_cell=reasoning.trace.cell.count,
    )
    yield Lasting.of(hazard, unheld)


def _site(reasoning: Reasoning, step: OptimizerStep) -> Site | None:
    return None if step.statement is None else reasoning.own.timeline.site(step.statement)


def holds_what_is_gone(trace: CellTrace) -> bool:
    """Return whether an optimizer without a path stepped on parameters to which no variable leads."""
    return any(not one.paths and _count_lost(trace, one) for one in trace.own.steps)


def _count_lost(trace: CellTrace, step: OptimizerStep) -> int:
    """Count the parameters that an optimizer holds and no variable leads to."""
    here = (scene.by_object for scene in trace.after.scenes.values())
    return step.holds - len(step.parameters & frozenset[int]().union(*here))


def _words_of(reasoning: Reasoning, text: str) -> frozenset[str]:
    """Return the words of a statement, and of the functions of the notebook that it may call."""
    functions = functions_named(parse_header(text), reasoning.trace.notebook)
    sources = (reasoning.trace.notebook.definitions[name].source for name in functions)
    return frozenset(words_in("\n".join((text, *sources))))


def _unheld(
    reasoning: Reasoning, step: OptimizerStep, held: Collection[int], named: Collection[str] | None = None
) -> Iterator[Entry]:
    """Yield the parameters that got gradients and that no optimizer holds.

    Only variables with one of these names count; without names, those that lead to others that the optimizer holds.
    """
    trace, met = reasoning.trace, set[int]()
    grads = (both for both in trace.found if both[0].path.is_grad)
    fresh = {str(one.path) for one, content in grads if content.changed or not one.is_same_object}
    for scene in trace.after.scenes.values() if fresh else ():
        if named is None and step.parameters.isdisjoint(scene.by_object):
            continue
        for path, reading in scene.entries:
            is_one = reading.kind == "parameter" and reading.collects_gradient and reading.object not in held
            is_meant = named is None or path.root in named
            if is_one and is_meant and reading.object not in met and f"{path}.grad" in fresh:
                met.add(reading.object)
                yield path, reading


def _fix(reasoning: Reasoning, text: str, name: str, unheld: Sequence[Entry]) -> Fix:
    """Return the statement of a function of the notebook that makes the optimizer, or one that adds to it."""
    functions = functions_named(parse_header(text), reasoning.trace.notebook)
    parts = (one for tree in functions.values() for one in find_nodes(ast.Assign, tree))
    made = next((ast.unparse(one) for one in parts if name in map(ast.unparse, one.targets)), None)
    adding = f"{name}.add_param_group({{'params': [{', '.join(str(path) for path, _ in unheld)}]}})"
    return Fix(kind="make-optimizer", code=made) if made else Fix(kind="add-group", code=adding)
