"""Trained parameters that a statement compares with themselves, under another name: `torch.equal(w0, net.weight)`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ...statements.comparisons import comparisons_in
from ...syntax.ast_queries import spell_path
from ...syntax.parsing import parse_path
from ..fix import Fix
from ..hazard import Hazard
from ..hazard_facts import ComparedWithItself
from ..optimizers.optimizer_wiring import module_above

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ...blame.reasoning import Reasoning
    from ...records.report_parts import Site
    from ...records.trace.cell_trace import CellTrace


def compared_in_vain(reasoning: Reasoning, known: Collection[str] = ()) -> Iterator[Hazard]:
    """Yield a hazard for each variable that leads to trained parameters, and is compared with the same ones.

    Parameters
    ----------
    known
        What is known to be no copy.
    """
    trace, told = reasoning.trace, {*known}
    for one in comparisons_in(trace.own.plain):
        ran = one.statement in trace.own.ran and one.statement in reasoning.own.numbered
        both = ((one.first, one.second), (one.second, one.first)) if ran else ()
        found = next((each for kept, other in both if (each := _compared(kept, other, trace)) is not None), None)
        if found is not None and found.container not in told:
            told.add(found.container)
            yield _hazard(found, reasoning.own.numbered[one.statement].site(), trace.cell.count)


def _compared(kept: ast.expr, other: ast.expr, trace: CellTrace) -> ComparedWithItself | None:
    """Return what a variable keeps, if it is what it is compared with."""
    container, owner, theirs = spell_path(kept), _owner_of_parameters(other), spell_path(other)
    if container is None or container == theirs or module_above(parse_path(container), trace):
        return None
    mine = trace.after.get(container if owner is None else f"{container}[0]")
    if mine is None or not mine.collects_gradient:
        return None
    names = {str(path) for path, one in trace.after.by_storage.get(mine.storage) if one.object == mine.object}
    behind = theirs in names if owner is None else any(parse_path(owner).leads_to(parse_path(one)) for one in names)
    is_trained = any(mine.object in one.parameters for one in trace.optimizers) or any(
        trace.after.get(f"{one}.grad") is not None for one in names
    )
    if not behind or not is_trained:
        return None
    return ComparedWithItself(container=container, other=owner or theirs or "", is_several=owner is not None)


def _owner_of_parameters(node: ast.expr) -> str | None:
    """Return the module over whose parameters a loop goes."""
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr="parameters"), args=[]):
            return spell_path(owner)
    return None


def _hazard(fact: ComparedWithItself, written: Site, cell: int) -> Hazard:
    kept = fact.container
    code = f"{kept} = [p.detach().clone() for p in {kept}]" if fact.is_several else f"{kept} = {kept}.detach().clone()"
    return Hazard(
        code="TW207",
        outcome="risk",
        paths=(f"{kept}[0]" if fact.is_several else kept,),
        fact=fact,
        fix=Fix(kind="deep-copy", code=code),
        written_at=written,
        written_cell=cell,
        happened=True,
    )
