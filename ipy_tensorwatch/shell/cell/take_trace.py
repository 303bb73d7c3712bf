"""Make the trace of a cell that has ended: here captured objects become plain values."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING

from ...capture.objects.cached_results import cached_results
from ...capture.objects.class_names import ClassNames, collect_class_names
from ...capture.running.past_memory import PastMemory
from ...capture.runtime.graph_private import next_sequence_number
from ...capture.runtime.threads import names_in_other_threads
from ...core.blame.reasoning import Reasoning
from ...core.hazards.backward.shared_gradients import shares_gradients
from ...core.hazards.kept_memory.compared_in_vain import compared_in_vain
from ...core.hazards.kept_memory.kept_by_function import may_be_kept
from ...core.hazards.kept_memory.kept_in_a_role import may_have_a_role
from ...core.hazards.optimizers.hidden_optimizer import holds_what_is_gone
from ...core.records.reason import Reason
from ...core.records.report_parts import Coverage, Unverified
from ...core.records.snapshots.differences import join_looks
from ...core.records.trace.cell_trace import CellTrace, SourceFile
from ...core.records.trace.evidence import Evidence, OptimizerStep
from ...core.records.trace.graph_state import GraphState
from ...core.records.trace.notebook import Notebook
from ...core.runtime.grouped import grouped
from ...core.runtime.guard import GUARD
from ...core.runtime.record import record
from ...core.syntax.parsing import name_of_lambda
from ..ipython.cell_sources import source_of, user_variables
from .operator_recording import RECORDING_SECONDS
from .take_error import take_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from ...capture.autograd.graph import Graphs
    from ...capture.observer import Observation
    from ...capture.running.optimizer_steps import SeenStep, StepRecorder
    from ...core.hazards.standing_hazards import Standing
    from ...core.records.report_parts import Cell
    from ...core.records.snapshots.differences import Found
    from ...core.records.trace.born import Born
    from ...core.records.trace.saved_tensor import Overwritten
    from ..ipython.cell_sources import Sources
    from .running_cell import RunningCell


@record
class SessionState:
    """Objects that live longer than a cell and hold evidence of it."""

    shell: InteractiveShell
    sources: Sources
    steps: StepRecorder
    graphs: Graphs
    standing: Standing


def take_trace(
    session: SessionState, cell: RunningCell, ended: Cell, observed: Observation, error: BaseException | None
) -> CellTrace:
    """Return the trace of a cell; evidence is left out if nothing changed and no error was raised."""
    shell, sources = session.shell, session.sources
    found = join_looks((*cell.meanwhile, observed.found))
    files = sources.files(shell)
    nothing: tuple[Born, ...] = ()
    born = GUARD.run("finding-writer", _born_in, cell, observed, default=nothing)
    left = GUARD.run("finding-writer", _left_in, cell, observed, default=nothing)
    is_quiet = not (found or observed.overwritten or ended.status != "ok" or _may_restore(session))
    cells = [cell, *cell.beside]
    own, *beside = (_evidence_of(one, () if is_quiet else _steps(session, one, observed)) for one in cells)
    return CellTrace(
        cell=ended,
        before=cell.write_log.before.snapshot,
        after=observed.shot.snapshot,
        outside=cell.outside,
        found=found,
        born=born,
        left=left,
        arrivals=tuple(cell.write_log.paths.arrivals),
        unseen=cell.write_log.since(cell.write_log.paths.last_whole),
        own=own,
        beside=tuple(beside),
        elsewhere=frozenset() if is_quiet else names_in_other_threads(files),
        files={} if is_quiet else dict(_files_of(cells, files)),
        is_recorded=cell.recording is not None,
        writes=cell.recording.writes if cell.recording else (),
        graphs=_graphs_of(session, cell, ended, observed, (found, born)),
        optimizers=cell.observer.snapshotter.holdings(),
        nodes=(cell.write_log.numbers[0], next_sequence_number()),
        dated=cell.recording.dated if cell.recording else {},
        error=GUARD.run("explaining-error", take_error, error, cell, observed.shot.snapshot, files, default=None),
        gone=observed.gone,
        coverage=_coverage_of(cell, observed),
        seconds=_patience(cell, ended.duration),
    )


def _coverage_of(cell: RunningCell, observed: Observation) -> Coverage:
    """Return what was compared; what the cell made and was not looked at until it ended is listed."""
    missed = cell.write_log.paths.missed
    unread = (Unverified(path=name, why=Reason("born-unread")) for name in sorted(missed))
    known = observed.coverage
    return replace(known, unverified=(*known.unverified, *unread)) if missed else known


def _born_in(cell: RunningCell, observed: Observation) -> tuple[Born, ...]:
    """Compare what the cell bound with what it is now."""
    write_log = cell.write_log
    memory = PastMemory(
        prints=cell.observer.prints,
        periods=write_log.past.periods,
        verdicts=observed.verdicts,
        after=observed.shot.snapshot,
    )
    return tuple(write_log.paths.conclude(observed, memory, len(write_log.numbers), write_log.since))


def _left_in(cell: RunningCell, observed: Observation) -> tuple[Born, ...]:
    """Return what paths led to and the cell wrote before it bound them to something else."""
    write_log = cell.write_log
    return tuple(write_log.paths.conclude_left(observed, write_log.writes, len(write_log.numbers), write_log.since))


def reason(
    session: SessionState, cell: RunningCell, ended: Cell, observed: Observation, error: BaseException | None
) -> Reasoning:
    """Return the reasoning about a cell; the notebook's definitions are read only if it may need them."""
    reasoning = Reasoning(take_trace(session, cell, ended, observed, error))
    is_plain = not (ended.status != "ok" or cell.beside or observed.overwritten or reasoning.follows_calls)
    trace, sources, known = reasoning.trace, session.sources, session.standing.hazards
    is_plain = is_plain and not (trace.outside and sources.collectives) and not sources.loads(cell.plain)
    is_plain = is_plain and not (sources.restore and trace.own.steps) and not any(compared_in_vain(reasoning))
    is_plain = is_plain and {one.node for one in trace.graphs.half_freed} <= {one.node for one in known}
    if is_plain and not (trace.found and _may_be_at_risk(reasoning, sources)):
        return reasoning
    return reasoning.with_notebook(read_notebook(session.shell, sources))


def _may_restore(session: SessionState) -> bool:
    """Return whether functions may have restored what an optimizer stepped on, even of a model that is gone."""
    return bool(session.sources.restore and session.steps.seen)


def _may_be_at_risk(reasoning: Reasoning, sources: Sources) -> bool:
    """Return whether there may be a hazard that the notebook's functions explain."""
    trace = reasoning.trace
    if sources.write_gradients or sources.repeat or sources.copies or sources.cache or shares_gradients(trace.after):
        return True
    if holds_what_is_gone(trace):
        return True
    return bool(reasoning.born.together) or may_be_kept(trace.born, trace.own.steps) or may_have_a_role(reasoning)


def _evidence_of(cell: RunningCell, steps: tuple[OptimizerStep, ...]) -> Evidence:
    return Evidence(
        cell=cell.count,
        plain=cell.plain,
        entered=tuple(cell.write_log.built),
        writes=cell.write_log.at_end.after_those(cell.write_log.writes),
        moves={number: tuple(alike) for number, alike in grouped(cell.write_log.moves, attrgetter("object")).items()},
        steps=steps,
        values={index: tuple(known) for index, known in cell.values.items()},
        targets={
            index: {name: frozenset(serials) for name, serials in known.items()}
            for index, known in cell.targets.items()
        },
        ran=cell.write_log.ran,
        recorded=cell.recording.recorded if cell.recording else {},
    )


def _graphs_of(
    session: SessionState,
    cell: RunningCell,
    ended: Cell,
    observed: Observation,
    seen: tuple[Sequence[Found], Sequence[Born]],
) -> GraphState:
    (found, born), graphs = seen, session.graphs
    same = graphs.same and graphs.same & _changed(found)
    for one in born:  # a tensor whose node was made before it was first seen has the same history since
        same |= graphs.made_before(cell.write_log.numbers[one.look], _changed(one.found)) if one.ran else frozenset()
    nodes = {one.node for one in session.standing.hazards if one.node is not None}
    return GraphState(
        overwritten=(*observed.overwritten, *_computed_with(cell, ended, observed)),
        spent=tuple(graphs.spent),
        cells=frozenset(graphs.cells),
        same=same,
        used=frozenset(filter(graphs.is_used, same)),
        half_freed=tuple(graphs.freed.half.values()),
        fates={node: graphs.fate(node) for node in nodes},
    )


def _changed(found: Sequence[Found]) -> frozenset[str]:
    return frozenset(str(one.path) for one, content in found if content.changed)


def _computed_with(cell: RunningCell, ended: Cell, observed: Observation) -> Iterator[Overwritten]:
    """Yield the overwritten saved tensors that a backward of this cell computed with, unless it is still to come."""
    write_log, ahead = cell.write_log, {one.key for one in observed.overwritten}
    found = write_log.spoiled.found(write_log.current if ended.status != "ok" else None) if write_log.spoiled else ()
    return (one for one in found if one.key not in ahead)


def _patience(cell: RunningCell, duration: float) -> float:
    """Return the time limit in seconds for interpreting calls; a recorded cell gets more."""
    if cell.recording:
        return RECORDING_SECONDS
    return cell.settings.explain_floor + cell.settings.explain_share * duration


def read_notebook(shell: InteractiveShell, sources: Sources) -> Notebook:
    """Return the notebook's function definitions, and the classes and in-place modules among the user's names."""
    known = GUARD.run("finding-writer", collect_class_names, user_variables(shell), default=ClassNames())
    files = sources.files(shell) if known.lambdas else {}
    for path, (file, line, column) in known.lambdas.items():
        known.name_lambda(path, name_of_lambda(files.get(file, 0), line, column))
    return Notebook(
        definitions=dict(sources.definitions),
        classes=known.classes,
        inplace=frozenset(known.inplace),
        leftovers=sources.leftovers(),
        renamed=sources.renamed(),
        objects=known.objects,
        modules=frozenset(known.modules),
        optimizers=frozenset(known.optimizers),
        evaluating=frozenset(known.evaluating),
        initializing=frozenset(known.initializing),
        collectives=sources.collectives,
        copies=tuple(sources.copies.values()),
        cached=GUARD.run("finding-hazards", cached_results, user_variables(shell), default={}) if sources.cache else {},
        loaded=dict(sources.loaded),
    )


def _files_of(cells: Iterable[RunningCell], files: Mapping[str, int]) -> Iterator[tuple[str, SourceFile]]:
    """Yield the source files of cells in which a write was seen; code that a magic compiled has its own file."""
    ledgers = [cell.write_log for cell in cells]
    seen = {one.positions for each in ledgers for one in each.writes}
    seen.update(one.positions for each in ledgers for one in each.moves)
    seen.update(each.at_end.positions for each in ledgers if each.at_end)
    names = {position.place[0] for positions in seen for position in positions if position.place}
    counts = {files[name] for name in names if name in files}
    for name, count in files.items() if counts else ():
        if count in counts:
            yield name, SourceFile(cell=count, text=source_of(name))


def _steps(session: SessionState, cell: RunningCell, observed: Observation) -> tuple[OptimizerStep, ...]:
    """Return the optimizer steps that no overlapping cell made."""
    seen = session.steps.of_others_than({one.thread for one in cell.beside})
    return tuple(_step(session, cell, observed, one) for one in seen)


def _step(session: SessionState, cell: RunningCell, observed: Observation, seen: SeenStep) -> OptimizerStep:
    snapshotter = cell.observer.snapshotter
    inner = session.sources.line(session.shell, *seen.frame[:2]) if seen.frame and not seen.frame[2] else None
    return OptimizerStep(
        statement=seen.statement,
        inner=inner,
        paths=frozenset(path for path, address in observed.shot.optimizers if address == seen.optimizer),
        parameters=snapshotter.objects.of_ids(seen.parameters),
        storages=snapshotter.storages.at_each(seen.storages),
        holds=len(seen.parameters),
        is_idle=seen.is_idle,
    )
