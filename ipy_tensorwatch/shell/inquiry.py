"""Gather the evidence of one cell for the blame."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from ..capture.catalog import catalog
from ..core.blame import Blame
from ..core.evidence import Evidence, Step, Write
from ..core.infer import reach
from ..core.notebook import Notebook
from ..core.overlap import share_bytes
from .cells import user_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from ..capture.observer import Observation
    from ..capture.steps import SeenStep, StepRecorder
    from ..core.blame import Entry
    from ..core.infer import Reached
    from ..core.path import AccessPath
    from ..core.reading import Reading
    from ..core.statement import Statement
    from .cells import Sources
    from .running import RunningCell


def inquire(
    shell: InteractiveShell, cell: RunningCell, observed: Observation, steps: StepRecorder, sources: Sources
) -> Blame:
    """Prepare to explain the mutations of a cell that has run."""
    snapshot = observed.shot.snapshot

    @cache
    def notebook() -> Notebook:
        classes, inplace = catalog(user_variables(shell))
        return Notebook(definitions=sources.definitions, classes=classes, inplace=inplace)

    def follow(statement: Statement, path: AccessPath, others: frozenset[AccessPath]) -> Reached:
        return reach(statement, path, others, notebook())

    def neighbours(reading: Reading) -> Iterator[Entry]:
        for entry in snapshot.entries():
            other = entry[1]
            if other.object == reading.object or (not other.unknown and share_bytes(reading, other) is not False):
                yield entry

    return Blame(
        evidence=Evidence(
            statements=cell.own_statements(),
            writes=_by_storage(cell.ledger.writes),
            steps=tuple(_step(shell, cell, observed, sources, seen) for seen in steps.seen.values()),
            values={index: tuple(known) for index, known in cell.values.items()},
            targets={index: frozenset(known) for index, known in cell.targets.items()},
            ran=frozenset(cell.ledger.ran),
        ),
        watched={str(path): reading for path, reading in snapshot.entries()},
        neighbours=neighbours,
        reach=follow,
    )


def _by_storage(writes: list[Write]) -> dict[int, tuple[Write, ...]]:
    found: dict[int, tuple[Write, ...]] = {}
    for write in writes:
        found[write.storage] = (*found.get(write.storage, ()), write)
    return found


def _step(
    shell: InteractiveShell, cell: RunningCell, observed: Observation, sources: Sources, seen: SeenStep
) -> Step:
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
