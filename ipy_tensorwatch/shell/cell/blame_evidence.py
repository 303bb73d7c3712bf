"""Gather the evidence of one cell for the blame."""

from __future__ import annotations

from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from ...capture.objects.class_names import catalog
from ...core.blame.cause import Blame
from ...core.blame.evidence import Evidence, Move, Step, Write
from ...core.host.deadline import Deadline
from ...core.interpreter.definitions import Notebook
from ...core.interpreter.trails import Trails
from ...core.memory.neighbours import Neighbourhood
from ..ipython.cell_sources import user_variables
from .operator_recording import SECONDS as RECORDING_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from IPython.core.interactiveshell import InteractiveShell

    from ...capture.observer import Observation
    from ...capture.running.optimizer_steps import SeenStep, StepRecorder
    from ...core.interpreter.inferred_lines import Reached
    from ...core.model.path import AccessPath
    from ...core.model.records import Inner, Place
    from ...core.statements.statement import Statement
    from ...core.syntax.cell_lines import Listing
    from ..ipython.cell_sources import Sources
    from .running_cell import RunningCell

_Seen = TypeVar("_Seen", Write, Move)


def inquire(
    shell: InteractiveShell, cell: RunningCell, observed: Observation, steps: StepRecorder, sources: Sources
) -> Blame:
    """Prepare to explain the mutations of a cell that has run."""
    snapshot = observed.shot.snapshot
    statements, beside = cell.statements(), {one.thread for one in cell.beside}

    @cache
    def trails() -> Trails:
        notebook, deadline = read_notebook(shell, sources), Deadline.after(_patience(cell))
        return Trails(notebook, cell=cell.count, source=cell.plain, deadline=deadline)

    def follow(statement: Statement, path: AccessPath, others: frozenset[AccessPath]) -> Reached:
        reached = trails().of(statement).narrow(path, others)
        if reached.is_cut:
            observed.curtailed[str(path)] = None
        return reached

    return Blame(
        evidence=Evidence(
            cell=cell.count,
            statements=statements,
            lines=_lines(sources.listing(shell), [*cell.ledger.writes, *cell.ledger.moves]),
            writes=_group(cell.ledger.writes, lambda write: write.storage),
            moves=_group(cell.ledger.moves, lambda move: move.object),
            steps=tuple(_step(shell, cell, observed, sources, seen) for seen in steps.of_others_than(beside)),
            values={index: tuple(known) for index, known in cell.values.items()},
            targets={
                index: {name: frozenset(serials) for name, serials in known.items()}
                for index, known in cell.targets.items()
            },
            ran=cell.ledger.ran,
            recorded=cell.recording.recorded if cell.recording else {},
        ),
        watched={str(path): reading for path, reading in snapshot.entries()},
        neighbours=Neighbourhood(snapshot.entries()).of,
        reach=follow,
    )


def _patience(cell: RunningCell) -> float:
    """Tell for how many seconds calls may be followed; whoever records a cell wants to know."""
    if cell.recording:
        return RECORDING_SECONDS
    return cell.settings.explain_floor + cell.settings.explain_share * (perf_counter() - cell.began)


def read_notebook(shell: InteractiveShell, sources: Sources) -> Notebook:
    """Read what the user's names lead to, and where the notebook's functions are."""
    classes, inplace = catalog(user_variables(shell))
    return Notebook(definitions=sources.definitions, classes=classes, inplace=inplace)


def _group(seen: Iterable[_Seen], key: Callable[[_Seen], int]) -> dict[int, tuple[_Seen, ...]]:
    found: dict[int, list[_Seen]] = {}
    for one in seen:
        found.setdefault(key(one), []).append(one)
    return {number: tuple(group) for number, group in found.items()}


def _lines(listing: Listing, seen: Iterable[Write | Move]) -> dict[Place, Inner]:
    places = {position.place for one in seen for position in one.positions if position.place}
    return {place: inner for place in places if (inner := listing.line(place)) is not None}


def _step(shell: InteractiveShell, cell: RunningCell, observed: Observation, sources: Sources, seen: SeenStep) -> Step:
    lens = cell.observer.lens
    serials = (lens.objects.of_id(address) for address in seen.parameters)
    storages = (lens.storages.at(address) for address in seen.storages)
    inner = sources.line(shell, *seen.frame[:2]) if seen.frame and not seen.frame[2] else None
    return Step(
        statement=seen.statement,
        inner=inner,
        paths=frozenset(path for path, address in observed.shot.optimizers if address == seen.optimizer),
        parameters=frozenset(serial for serial in serials if serial is not None),
        storages=frozenset(storage for storage in storages if storage is not None),
    )
