"""Describe overwritten saved tensors: their variables, and the statements that saved and wrote them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...blame.expected.updates import counts_as_parameter
from ...interpreter.candidate_lines import list_candidates, only_writer, writer_of_result
from ...interpreter.reached_lines import is_below
from ...records.snapshots.difference import Difference
from ...records.trace.saved_tensor import Overwritten, SavedTensor, Writing
from ...statements.statement import statements_in
from ...syntax.parsing import may_write_gradients, parse_path
from .saved_copy import Saving
from .saved_tensor_overwritten import BrokenSave
from .stale_results import is_metric, older_results, stale_results
from .updates_since import has_run_backward, is_stale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...blame.evidence.cell_index import CellIndex
    from ...blame.evidence.statement_timeline import Timeline
    from ...blame.reasoning import Reasoning
    from ...blame.verdict import Verdict
    from ...records.reading import Reading
    from ...records.report_parts import Site
    from ...records.snapshots.snapshot import Entry
    from ..standing_hazards import Standing


MAX_EXPLAINED = 8
"""The number of variables over a saved tensor whose writers are searched."""
MAX_CELLS = 1000
"""The number of cells with live nodes that are kept, the newest."""
MAX_CHARACTERS = 1 << 23
"""The number of characters of their source that are kept."""
ENTRY = 64
"""The number of characters that one entered statement counts for."""
MAX_SORTED = 5000
"""With more tensors, only those of the same storage are searched, not all that may share a byte."""


def remember_cell(reasoning: Reasoning, built: Mapping[int, Timeline]) -> Mapping[int, Timeline]:
    """Return the timelines of the cells that have live nodes, or that registered a hook, with this cell's."""
    count, alive = reasoning.trace.cell.count, reasoning.trace.graphs.cells
    kept = {cell: one for cell, one in built.items() if cell in alive or may_write_gradients(one.source)}
    if count in alive or may_write_gradients(reasoning.trace.own.plain):
        kept[count] = reasoning.own.timeline
    size = sum(map(_size, kept.values()))
    while len(kept) > 1 and (len(kept) > MAX_CELLS or size > MAX_CHARACTERS):
        size -= _size(kept.pop(next(iter(kept))))
    return kept


def _size(one: Timeline) -> int:
    return len(one.source) + ENTRY * len(one.entered)


def find_broken_saves(reasoning: Reasoning, standing: Standing) -> list[BrokenSave]:
    """Describe each overwritten saved tensor, and cache its writer."""
    return [_broken_save(reasoning, one, standing) for one in reasoning.trace.graphs.overwritten]


def _broken_save(reasoning: Reasoning, found: Overwritten, standing: Standing) -> BrokenSave:
    saved, snapshot = found.saved, reasoning.trace.after
    overlapping, is_own = _lying_on(reasoning, saved.reading), saved.cell == reasoning.trace.cell.count
    built = reasoning.own.timeline if is_own else standing.built.get(saved.cell)
    scalars = tuple(path for path in found.roots if (one := snapshot.get(path)) and one.numel == 1)
    # A write to any variable in the storage moves the version of all views.
    lying = overlapping or reasoning.places.in_storage(saved.reading.storage)
    losses = [path for path in scalars if (one := snapshot.get(path)) and not one.shape]
    saved_at = built.maker(saved.sequence) if built else None
    known = standing.writings.get(found.key)
    writing = known or _with_likely_line(reasoning, saved, saved_at, _writing(reasoning, saved, lying))
    is_alone = all(built is not None and built.maker(other) == saved_at for other in found.others)
    due = tuple(one for one in scalars if _is_due(one, found, writing, reasoning, standing))
    freed = {path for one in reasoning.trace.graphs.half_freed for path in one.roots}
    roots = _last(due, found) or (*scalars, *found.roots)[:1]
    paths = tuple(str(path) for path, _ in overlapping)
    return BrokenSave(
        found=found,
        paths=paths,
        scalars=scalars,
        writing=writing,
        saving=Saving(saved.cell, saved_at, saved.is_result, paths, reasoning.trace.notebook, is_alone=is_alone),
        due=due,
        roots=roots,
        is_freed=bool(found.roots) and freed.issuperset(found.roots),
        is_read_only=bool(roots) and not losses and _is_read_detached(roots[0], writing, reasoning, standing),
        is_set=(
            writing.cause == "direct"
            and any(_is_set(reading, writing, has_scalars=bool(scalars)) for _, reading in lying)
            and all(one not in due or is_metric(one, found, writing, standing) for one in scalars)
        ),
        stale=stale_results(found, roots, writing, standing)._replace(is_due=roots[:1] == due[:1] != ()),
    )


def _is_set(reading: Reading, writing: Writing, *, has_scalars: bool) -> bool:
    """Return whether a write by name sets a module's state, so that outputs from before are old."""
    if reading.kind == "buffer":
        return writing.site is not None and ".load_state_dict(" in writing.site.text
    return reading.kind == "parameter" or (has_scalars and counts_as_parameter(reading))


def _last(due: Sequence[str], found: Overwritten) -> tuple[str, ...]:
    """Return the results that no other one was computed from, each under one of its names."""
    used = {name for one in due if one in found.origins for name in found.origins[one].through}
    last = [one for one in due if one not in used]
    return tuple(
        {found.origins[one].sequence if one in found.origins else one: one for one in reversed(last)}.values()
    )[::-1]


def _is_due(path: str, found: Overwritten, writing: Writing, reasoning: Reasoning, standing: Standing) -> bool:
    """Return whether a backward of a scalar is expected, and not only its value, as of a metric of old outputs."""
    root = found.origins.get(path)
    if root is None:
        return True
    older = older_results(path, found, writing, standing)
    if is_stale(root, standing) or (older and all(is_stale(one, standing) for one in older)):
        return False
    has_raised = reasoning.trace.cell.status != "ok"
    is_earlier = root.cell != reasoning.trace.cell.count
    is_read_again = has_raised and is_earlier and _raised_at(path, reasoning)
    return is_read_again or not has_run_backward(path, root, standing, has_raised=has_raised)


def _raised_at(path: str, reasoning: Reasoning) -> bool:
    """Return whether the statement that raised reads the variable of a path, as far as it is known."""
    entered = reasoning.own.timeline.entered
    last = reasoning.own.numbered.get(entered[-1][1]) if entered else None
    return last is None or parse_path(path).root in last.reads


def _is_read_detached(root: str, writing: Writing, reasoning: Reasoning, standing: Standing) -> bool:
    """Return whether the cell that wrote reads a variable afterwards, and only its values: `y.detach()`."""
    is_own = writing.cell == reasoning.trace.cell.count
    timeline = reasoning.own.timeline if is_own else standing.built.get(writing.cell)
    if timeline is None or writing.site is None:
        return False
    later = (one for one in timeline.statements if one.line > writing.site.end_line)
    reads = [is_value for one in later for is_value in one.values_read(root)]
    return bool(reads) and all(reads)


def _lying_on(reasoning: Reasoning, reading: Reading) -> Sequence[Entry]:
    """Return the variables that share a byte with a saved tensor, those of the same layout first."""
    places = reasoning.places
    if len(places.snapshot) <= MAX_SORTED:
        return places.lying_on(reading)
    return sorted(places.in_storage(reading.storage), key=lambda entry: entry[1].layout != reading.layout)


def _writing(reasoning: Reasoning, saved: SavedTensor, entries: Sequence[Entry]) -> Writing:
    """Return the write: preferably of a statement that names a variable over these bytes."""
    cell, count = reasoning.own, reasoning.trace.cell.count
    made = _made_by(reasoning, saved)
    if made is not None:
        return Writing(cell=count, site=made)
    told = [(path, reading, reasoning.verdict(Difference(path=path, before=reading, after=reading)))
            for path, reading in entries[:MAX_EXPLAINED]]  # fmt: skip
    told = [one for one in told if one[2].sites]
    if not told:
        return Writing(cell=count, site=_first_after(cell, saved, _seen(cell, saved)))
    path, reading, verdict = min(told, key=lambda one: _is_by_another_way(one[2]))
    if verdict.cause == "alias" and verdict.via and (through := reasoning.trace.after.get(verdict.via[0])):
        path, reading = parse_path(verdict.via[0]), through
    return Writing(
        cell=count,
        path=str(path),
        site=_first_after(cell, saved, verdict.sites),
        cause=verdict.cause,
        is_array=reading.kind == "ndarray",
        is_leaf=reading.collects_gradient,
    )


def _with_likely_line(reasoning: Reasoning, saved: SavedTensor, saved_at: Site | None, writing: Writing) -> Writing:
    """Add the only line of the notebook's functions that may have written, where a call saved and no line is known.

    None is the only one where a module that writes in place ran as well.
    """
    site, trace = writing.site, reasoning.trace
    if saved_at is None or saved.cell != trace.cell.count or (site is not None and not _is_within(site, saved_at)):
        return writing
    ran = reasoning.own.timeline.ran_since(saved.sequence) if site is None else reasoning.own.statements
    inside = [one for each in ran if site is None or each.site() == site for one in statements_in(each)]
    mentioned = {str(path) for one in inside for path in one.mentions}
    if any(is_below(path, mentioned) for path in trace.notebook.inplace):
        return writing
    candidates = list_candidates(inside, trace.notebook, reasoning.own.deadline)
    found = only_writer(candidates, ())
    if found is None and saved.is_result:
        found = writer_of_result(candidates, saved.op)
    likely = found.statement.site("inferred", found.inner) if found is not None and found.inner is not None else None
    return writing if likely is None else replace(writing, site=likely)


def _is_within(site: Site, saved_at: Site) -> bool:
    """Return whether the statement that saved is the one that wrote, in a line that is not known."""
    return site.inner is None and (site.line, site.text) == (saved_at.line, saved_at.text)


def _made_by(reasoning: Reasoning, saved: SavedTensor) -> Site | None:
    """Return the statement that saved and wrote before anything was bound to the memory: nothing has written since."""
    trace, storage, timeline = reasoning.trace, saved.reading.storage, reasoning.own.timeline
    arrived = ((one, one.reading) for one in trace.arrivals if one.reading and one.reading.storage == storage)
    first, reading = next(arrived, (None, None))
    if first is None or reading is None or saved.cell != trace.cell.count or storage in trace.own.writes:
        return None
    now, ran = trace.after.get(first.path), {one.statement for one in first.positions}
    if now is None or (now.object, now.version) != (reading.object, reading.version) or len(ran) != 1:
        return None
    site, saver = timeline.site(min(ran)), timeline.maker(saved.sequence)
    is_saver = site is not None and saver is not None and (site.line, site.text) == (saver.line, saver.text)
    return site if is_saver and (reading.version or 0) > saved.version else None


def _is_by_another_way(verdict: Verdict) -> int:
    """Return 0 if a statement names the variable, 2 if it reaches the memory by an unknown way, else 1."""
    return 0 if verdict.cause == "direct" else 1 + (verdict.cause == "alias" and not verdict.via)


def _seen(cell: CellIndex, saved: SavedTensor) -> list[Site]:
    """Return the statements that were seen to write to memory that no variable leads to any more."""
    writes = cell.evidence.writes.get(saved.reading.storage, ())
    ran = ({one.statement for one in write.positions} for write in writes)
    sites = (cell.timeline.site(index) for alone in ran if len(alone) == 1 for index in alone)
    return [site for site in sites if site is not None]


def _first_after(cell: CellIndex, saved: SavedTensor, sites: Sequence[Site]) -> Site | None:
    """Return the first of the writing statements that ran after the cell saved the tensor."""
    if saved.cell == cell.evidence.cell and sites:
        return cell.timeline.first_after(saved.sequence, sites)
    return sites[0] if sites else None
