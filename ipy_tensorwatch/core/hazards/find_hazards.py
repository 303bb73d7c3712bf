"""Find the hazards after a cell, and which began or ended with it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from ..runtime.guard import GUARD
from ..syntax.name_promises import says_own_values
from ..syntax.parsing import parse_path
from .backward.assigned_gradients import find_assignment
from .backward.freed_graph import LiveCode, freed_graphs, remember_backward
from .backward.shared_gradients import aliased_grads
from .backward.wrong_backward import wrong_backwards
from .fix import Fix, with_edits, with_import
from .hazard import Hazard, Turn
from .hazard_facts import KeptReference
from .kept_memory.compared_in_vain import compared_in_vain
from .kept_memory.copied_modules import trained_copies
from .kept_memory.freed_memory import gone_memory
from .kept_memory.kept_by_function import kept_and_trained_on
from .kept_memory.kept_by_hook import kept_by_hooks
from .kept_memory.kept_by_methods import written_back_by_methods
from .kept_memory.kept_in_a_role import kept_in_a_role
from .kept_memory.one_memory import kept_in_one_memory
from .kept_memory.repeated_modules import repeated_modules
from .kept_memory.restored_in_vain import restored_in_vain
from .kept_memory.state_dict_reference import kept_by_name, kept_by_reference, loaded_again
from .kept_memory.written_back import written_back_in_vain
from .kept_memory.written_in_cache import written_in_cache
from .optimizers.made_optimizer import makes_optimizer, remember_optimizers
from .optimizers.optimizer_wiring import is_wired, unheld_parameters
from .overwritten.find_broken_saves import find_broken_saves, remember_cell
from .overwritten.operands_overwritten import operands_overwritten
from .overwritten.overlapping_elements import overlaid_writes
from .overwritten.risks_that_came_true import come_true
from .overwritten.saved_tensor_overwritten import overwritten_saves
from .overwritten.unrecorded_write import unrecorded_writes
from .overwritten.updates_since import remember_updates

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ..blame.reasoning import Reasoning
    from ..records.report_parts import Change, Site
    from ..records.trace.cell_trace import CellTrace
    from ..records.trace.graph_state import Ending
    from .lasting_hazard import Lasting
    from .standing_hazards import Standing

T = TypeVar("T")
MAX_EDITED = 50
"""The most fixes for which the lines to edit are looked for: each parses its cell anew."""


def find_hazards(reasoning: Reasoning, standing: Standing) -> Standing:
    """Find the hazards after a cell, given those after the one before."""
    trace = reasoning.trace
    built, updated = remember_cell(reasoning, standing.built), remember_updates(reasoning, standing.updated)
    backwards = remember_backward(trace.own.plain, trace.cell.count, standing.backwards)
    ahead = tuple(one for one in standing.hazards if not one.happened)
    standing = replace(standing, built=built, updated=updated, backwards=backwards, hazards=ahead, turned=())
    seen = trace.graphs.overwritten, trace.after, trace.gone, trace.graphs.half_freed, trace.optimizers
    may_differ = trace.outside or trace.found or trace.own.steps or makes_optimizer(trace)
    may_differ = may_differ or bool(trace.notebook.loaded_in(trace.cell.count))
    if not may_differ and standing.seen == seen and not any(compared_in_vain(reasoning)):
        return standing
    after = _find(reasoning, replace(standing, seen=seen))
    return replace(after, turned=tuple(_turns(trace, standing.hazards, after.hazards)))


def _find(reasoning: Reasoning, standing: Standing) -> Standing:
    trace = reasoning.trace
    found = find_broken_saves(reasoning, standing) if trace.graphs.overwritten else []
    spoiled = overwritten_saves(found)
    known = {path for one in spoiled for path in one.paths}
    held = [one for one in standing.lasting if one.holds_in(trace.after) and not is_wired(one, trace)]
    optimizers = remember_optimizers(reasoning, standing.optimizers)
    made = optimizers.values()
    repeated, copied = _guarded(repeated_modules(reasoning)), _guarded(trained_copies(reasoning, made))
    began = (*_begun(reasoning, known), *kept_in_a_role(reasoning, made), *repeated, *copied)
    begun = [one.as_part_of(standing.lasting) for one in began]
    sources = {cell: one.source for cell, one in standing.built.items()} | {trace.cell.count: trace.own.plain}
    begun += kept_by_hooks(reasoning, sources)
    begun += unheld_parameters(reasoning, optimizers, held)
    lasting = tuple({(one.hazard.code, one.hazard.paths): one for one in (*begun, *held)}.values())
    wrong = _guarded(wrong_backwards(reasoning, standing))
    vain = () if any(one.hazard.code == "TW207" for one in begun) else _in_vain(reasoning)
    kept = [one.hazard.fact.container for one in (*begun, *held) if isinstance(one.hazard.fact, KeptReference)]
    here = _guarded(_of_statements(reasoning, kept))
    again = _guarded(loaded_again(reasoning, standing.lasting))
    hazards = (*again, *wrong, *here, *vain, *come_true(reasoning, standing.hazards), *spoiled)
    hazards += (*(one.hazard for one in lasting), *gone_memory(trace.after, trace.gone), *_freed(reasoning, standing))
    different = dict.fromkeys(one.fix for one in hazards if one.fix is not None)
    edited = {*islice(different, MAX_EDITED)}
    fixes = {one: _with_edits(one, trace, standing) if one in edited else one for one in different}
    return replace(
        standing,
        hazards=tuple(replace(one, fix=fixes[one.fix]) if one.fix is not None else one for one in hazards),
        fixes=fixes,
        lasting=lasting,
        optimizers=optimizers,
        writings={one.found.key: one.writing for one in found} if found else standing.writings,
    )


def _guarded(search: Iterator[T]) -> tuple[T, ...]:
    """Return what a generator finds; nothing if it fails, so that only its own hazards go untold."""
    none: tuple[T, ...] = ()
    return GUARD.run("finding-hazards", lambda: tuple(search), default=none)


def _of_statements(reasoning: Reasoning, kept: Collection[str]) -> Iterator[Hazard]:
    yield from operands_overwritten(reasoning)
    yield from compared_in_vain(reasoning, kept)


def _in_vain(reasoning: Reasoning) -> Iterator[Hazard]:
    yield from restored_in_vain(reasoning)
    yield from written_back_in_vain(reasoning)
    yield from written_back_by_methods(reasoning)


def _with_edits(fix: Fix, trace: CellTrace, standing: Standing) -> Fix:
    """Add the edits to a new fix, while the source of its cell is known."""
    known = standing.fixes.get(fix)
    sources = partial(_source_of, trace=trace, standing=standing)
    return known or with_import(with_edits(fix, sources), sources)


def _source_of(cell: int, trace: CellTrace, standing: Standing) -> str:
    if cell == trace.cell.count:
        return trace.own.plain
    return standing.built[cell].source if cell in standing.built else trace.notebook.source_of(cell)


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
    yield from aliased_grads(
        snapshot,
        count,
        lambda: _backward_of(reasoning),
        lambda: find_assignment(reasoning),
        frozenset(_loop_variables(reasoning)),
    )
    yield from unrecorded_writes(changes, snapshot, count, trace.graphs)
    stepped = frozenset[int]().union(*(one.storages for one in trace.own.steps))
    lines = _training_lines(reasoning, changes)
    trained = [one for one in changes if not _is_beside_training(one, lines)]
    kept = [*kept_by_reference(trained, snapshot, count, trace.notebook.modules, stepped)]
    kept += kept_and_trained_on(reasoning, (path for one in kept for path in one.hazard.paths))
    yield from kept
    updates = (one for one in reasoning.updates_of(says_own_values) if not _is_handed_over(trace, one.path))
    yield from kept_by_name(updates, snapshot, count)
    yield from overlaid_writes(changes, snapshot, count)
    yield from written_in_cache(reasoning, changes)
    yield from kept_in_one_memory(reasoning, changes, {path for one in kept for path in one.hazard.paths})


def _is_handed_over(trace: CellTrace, path: str) -> bool:
    """Return whether a path leads to a tensor of a state dict that an optimizer has loaded, and goes on with."""
    if not any(parse_path(state).leads_to(parse_path(path)) for state in trace.notebook.loaded):
        return False
    reading = trace.after.get(path)
    alike = trace.after.by_storage.get(reading.storage, ()) if reading is not None else ()
    return any(parse_path(one).leads_to(other) for one in trace.notebook.optimizers for other, _ in alike)


def _training_lines(reasoning: Reasoning, changes: Sequence[Change]) -> frozenset[int]:
    """Return the lines of a cell that stepped or updated parameters by hand; none if one that stepped is not known."""
    stepping = {one.statement for one in reasoning.trace.own.steps}
    if not stepping or None in stepping:
        return frozenset()
    by_hand = {site.line for one in changes if one.cause == "optimizer" for site in one.sites}
    return frozenset(by_hand.union(one.line for one in reasoning.own.statements if one.index in stepping))


def _is_beside_training(change: Change, lines: frozenset[int]) -> bool:
    """Return whether what the cell bound changed after that by other lines than those that trained."""
    if change.born is None or not change.sites or not lines:
        return False
    is_seen = all(site.certainty == "observed" for site in change.sites)
    return is_seen and lines.isdisjoint([site.line for site in change.sites])


def _loop_variables(reasoning: Reasoning) -> Iterator[str]:
    for one in reasoning.own.statements:
        if one.text.startswith("for "):
            yield from one.binds


def _freed(reasoning: Reasoning, standing: Standing) -> Iterator[Hazard]:
    trace = reasoning.trace
    if trace.graphs.half_freed:
        known = {(one.node, one.outcome): one for one in standing.hazards if one.code == "TW213"}
        backward = trace.cell.count, _backward_of(reasoning)
        ran, code = standing.backwards, LiveCode(standing.built, trace.notebook)
        for one in freed_graphs(trace.graphs.half_freed, trace.after, code, backward, ran):
            old = known.get((one.node, one.outcome))
            # Only its first cell knows what freed it. A backward that raised has freed more than one edit makes again.
            new = one if trace.error is None else replace(one, fix=replace(one.fix, target=None))
            yield new if old is None else replace(old, paths=one.paths)


def _backward_of(reasoning: Reasoning) -> Site | None:
    """Return the only statement that can have run backward."""
    cell = reasoning.own
    ran = [one for one in cell.statements if one.index in cell.evidence.ran and "backward" in one.text]
    return ran[0].site("inferred") if len(ran) == 1 else None


def _turns(trace: CellTrace, before: Sequence[Hazard], now: Sequence[Hazard]) -> Iterator[Turn]:
    """Yield the hazards that ended, and those that began."""
    known, left, cell = {one.mark for one in before}, {one.mark for one in now}, trace.cell.count
    weighed = {(one.code, one.node) for one in now if one.node is not None}  # now a risk, or no longer one
    over = (one for one in before if one.mark not in left and (one.code, one.node) not in weighed)
    yield from (Turn(cell=cell, hazard=one, why=_why_over(one, trace)) for one in over)
    yield from (Turn(cell=cell, hazard=one) for one in now if one.mark not in known)


def _why_over(hazard: Hazard, trace: CellTrace) -> Ending:
    if hazard.node is not None and hazard.code != "TW213":
        return trace.graphs.fates[hazard.node]
    gone = any(trace.after.get(path) is None for path in hazard.paths)
    return "variable-gone" if gone else "memory-replaced"
