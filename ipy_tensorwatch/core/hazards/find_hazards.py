"""Find the hazards after a cell, and which began or ended with it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..model.records import Site
from .find_breaks import find_breaks, remember_cell
from .fix import with_edits
from .freed_graph import freed_graphs, remember_backward
from .freed_memory import gone_memory
from .hazard import Turn
from .made_optimizer import remember_optimizers
from .optimizer_wiring import is_wired, unheld_parameters
from .overlapping_elements import overlaid_writes
from .saved_tensor_overwritten import overwritten_saves
from .shared_gradients import aliased_grads
from .state_dict_reference import kept_by_reference
from .unrecorded_write import unrecorded_writes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ..blame.reasoning import Reasoning
    from ..model.cell_trace import CellTrace
    from ..model.graph_state import Ending
    from .fix import Fix
    from .hazard import Hazard
    from .lasting_hazard import Lasting
    from .standing import Standing


def find_hazards(reasoning: Reasoning, standing: Standing) -> Standing:
    """Find the hazards after a cell, given those after the one before."""
    trace = reasoning.trace
    backwards = remember_backward(trace.own.plain, trace.cell.count, standing.backwards)
    standing = replace(standing, built=remember_cell(reasoning, standing.built), backwards=backwards, turned=())
    seen = trace.graphs.overwritten, trace.after, trace.gone, trace.graphs.half_freed, trace.optimizers
    if not (trace.outside or trace.found) and standing.seen == seen:
        return standing
    after = _find(reasoning, replace(standing, seen=seen))
    return replace(after, turned=tuple(_turns(trace, standing.hazards, after.hazards)))


def _find(reasoning: Reasoning, standing: Standing) -> Standing:
    trace = reasoning.trace
    found = find_breaks(reasoning, standing) if trace.graphs.overwritten else []
    breaks = overwritten_saves(found)
    known = {path for one in breaks for path in one.paths}
    held = [one for one in standing.lasting if one.holds_in(trace.after) and not is_wired(one, trace)]
    optimizers = remember_optimizers(reasoning, standing.optimizers)
    begun = (*_begun(reasoning, known), *unheld_parameters(reasoning, optimizers, held))
    lasting = tuple({(one.hazard.code, one.hazard.paths): one for one in (*begun, *held)}.values())
    hazards = (
        *breaks,
        *(one.hazard for one in lasting),
        *gone_memory(trace.after, trace.gone),
        *_freed(reasoning, standing),
    )
    fixes = {one.fix: _with_edits(one.fix, trace, standing.fixes) for one in hazards if one.fix is not None}
    return replace(
        standing,
        hazards=tuple(replace(one, fix=fixes[one.fix]) if one.fix is not None else one for one in hazards),
        fixes=fixes,
        lasting=lasting,
        optimizers=optimizers,
        writings={one.found.key: one.writing for one in found} if found else standing.writings,
    )


def _with_edits(fix: Fix, trace: CellTrace, known: Mapping[Fix, Fix]) -> Fix:
    """Add the edits to a new fix, while the source of its cell is known."""
    return known.get(fix) or with_edits(fix, lambda cell: trace.own.plain if cell == trace.cell.count else "")


def _begun(reasoning: Reasoning, known: Collection[str]) -> Iterator[Lasting]:
    """Yield the lasting hazards found after a cell; the cause of an older one is known from its first cell.

    Parameters
    ----------
    known
        The paths with a hazard for an overwritten saved tensor.
    """
    trace = reasoning.trace
    snapshot, count = trace.after, trace.cell.count
    # Expected writes of an optimizer, a backward or a module are no copies, and are not named as written.
    every = reasoning.changes if trace.graphs.same or reasoning.silent else reasoning.unsettled
    changes = [one for one in every if one.path not in known]
    yield from aliased_grads(snapshot, count, lambda: _backward_of(reasoning))
    yield from unrecorded_writes(changes, snapshot, count, trace.graphs)
    yield from kept_by_reference(changes, snapshot, count, trace.notebook.modules)
    yield from overlaid_writes(changes, snapshot, count)


def _freed(reasoning: Reasoning, standing: Standing) -> Iterator[Hazard]:
    trace = reasoning.trace
    if trace.graphs.half_freed:
        known = {(one.node, one.outcome): one for one in standing.hazards if one.code == "TW213"}
        backward = trace.cell.count, _backward_of(reasoning)
        ran = standing.backwards
        for one in freed_graphs(trace.graphs.half_freed, trace.after, standing.built, backward, ran):
            old = known.get((one.node, one.outcome))
            yield one if old is None else replace(old, paths=one.paths)  # only its first cell knows what freed it


def _backward_of(reasoning: Reasoning) -> Site | None:
    """Return the only statement that can have run backward."""
    cell = reasoning.own
    ran = [one for one in cell.statements if one.index in cell.evidence.ran and "backward" in one.text]
    if len(ran) != 1:
        return None
    return Site(line=ran[0].line, end_line=ran[0].end_line, text=ran[0].text, certainty="inferred")


def _turns(trace: CellTrace, before: Sequence[Hazard], now: Sequence[Hazard]) -> Iterator[Turn]:
    """Yield the hazards that ended, and those that began."""
    known, left, cell = {one.mark for one in before}, {one.mark for one in now}, trace.cell.count
    yield from (Turn(cell=cell, hazard=one, why=_why_over(one, trace)) for one in before if one.mark not in left)
    yield from (Turn(cell=cell, hazard=one) for one in now if one.mark not in known)


def _why_over(hazard: Hazard, trace: CellTrace) -> Ending:
    if hazard.node is not None and hazard.code != "TW213":
        return trace.graphs.fates[hazard.node]
    gone = any(trace.after.get(path) is None for path in hazard.paths)
    return "variable-gone" if gone else "memory-replaced"
