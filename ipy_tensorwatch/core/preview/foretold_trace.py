"""Write the trace of a cell that has not run, as capture would: then the same reasoning explains it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..memory.neighbours import neighbours_of
from ..memory.overlap import lay_out
from ..model.born import Born
from ..model.cell_trace import CellTrace, SourceFile
from ..model.difference import Content, Difference
from ..model.evidence import Evidence, OptimizerStep, Position, SeenWrite
from ..model.outline import Outline
from ..model.path import AccessPath
from ..model.records import Cell, Coverage
from ..model.snapshot import RootSnapshot, Snapshot
from .abstract_values import AbstractObject, AbstractTensor, AbstractValue
from .run_statement import file_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..model.differences import Found
    from ..model.reading import Reading
    from .abstract_memory import AbstractWrite
    from .abstract_run import AbstractRun, KnownState

LARGEST_MASK = 1 << 16
"""The largest number of bytes for which it is told which of them a write changes."""
DEEPEST_WALK, MOST_PATHS = 6, 2000
_CHANGED = Content.of(changed=True, verified=False)


class ForetoldTrace(NamedTuple):
    """A trace, and which of its paths would surely change."""

    trace: CellTrace
    certain: frozenset[str]


class _Place(NamedTuple):
    """A path after the cell, and the moment since which it leads there."""

    path: AccessPath
    reading: Reading
    since: int
    statement: int


def foretell(run: AbstractRun, known: KnownState, seconds: float) -> ForetoldTrace:
    """Write the trace that a cell would leave."""
    return _Writer(run, known).trace(seconds)


class _Writer:
    def __init__(self, run: AbstractRun, known: KnownState) -> None:
        self.run, self.known, self.memory = run, known, run.memory
        self.interpreter = run.interpreter
        self.certain: dict[str, bool] = {}

    def trace(self, seconds: float) -> ForetoldTrace:
        known, run = self.known, self.run
        places = [*self._places()]
        after = self._after(places)
        found, born = self._differences(after, {str(one.path): one for one in places})
        evidence = Evidence(
            cell=known.count,
            plain=run.source,
            writes=self._seen(after),
            steps=tuple(self._steps()),
            ran=frozenset(self.interpreter.ran),
        )
        trace = CellTrace(
            cell=Cell(count=known.count, source=run.source, status="ok", duration=0.0, overhead=0.0),
            before=known.snapshot,
            after=after,
            found=tuple(found),
            born=tuple(born),
            own=evidence,
            notebook=run.notebook,
            files=self._files(),
            optimizers=tuple(known.optimizers),
            coverage=Coverage(tensors=len(after), bytes=0, verified_bytes=0),
            seconds=seconds,
        )
        return ForetoldTrace(trace, frozenset(path for path, sure in self.certain.items() if sure))

    # --- what the names lead to afterwards ---

    def _places(self) -> Iterator[_Place]:
        """Yield the paths of every variable that the cell bound or put something into."""
        interpreter = self.interpreter
        for name, value in interpreter.top.names.items():
            since, statement = interpreter.bound.get(name, (0, 0))
            yield from self._walk(AccessPath(name), value, since, statement)
        for name in interpreter.scene.touched(frozenset(interpreter.top.names)):
            value = interpreter.scene.look_up(name)
            yield from self._walk(AccessPath(name), value, 0, 0)

    def _walk(self, path: AccessPath, value: AbstractValue, since: int, statement: int) -> Iterator[_Place]:
        waiting = [(path, value, since)]
        seen: set[int] = set()
        while waiting and len(seen) < MOST_PATHS:
            path, value, since = waiting.pop()
            if isinstance(value, AbstractTensor):
                yield _Place(path, value.reading, since, statement)
                if value.grad is not None:
                    later = max(since, value.since.get(".grad", 0))
                    yield _Place(AccessPath(path.root, (*path.steps, ".grad")), value.grad.reading, later, statement)
            elif isinstance(value, AbstractObject) and id(value) not in seen and len(path.steps) < DEEPEST_WALK:
                seen.add(id(value))
                waiting += [
                    (AccessPath(path.root, (*path.steps, step)), one, max(since, value.since.get(step, 0)))
                    for step, one in reversed(list(value.parts.items()))
                    if "?" not in step
                ]

    def _after(self, places: list[_Place]) -> Snapshot:
        """Return the snapshot after the cell: the scenes of other variables are those from before."""
        before = self.known.snapshot
        roots = dict.fromkeys(one.path.root for one in places) | dict.fromkeys(self.interpreter.top.names)
        scenes = {name: scene for name, scene in before.scenes.items() if name not in roots}
        if "" in scenes and any(str(path.root) in roots for path in scenes[""].paths):
            kept = [entry for entry in scenes[""].entries if entry[0].root not in roots]
            scenes[""] = _scene(kept)
        made: dict[str, list[tuple[AccessPath, Reading]]] = defaultdict(list)
        for one in places:
            made[one.path.root].append((one.path, one.reading))
        scenes.update({f"{name}": _scene(entries) for name, entries in made.items()})
        scenes = {name: self._moved_on(scene) for name, scene in scenes.items()}
        return Snapshot(scenes=scenes, several_ways=before.several_ways)

    def _moved_on(self, scene: RootSnapshot) -> RootSnapshot:
        """Return a scene with the version counters that the writes have moved."""
        versions = self.memory.versions
        touched = versions.keys() & scene.by_storage.keys()
        if not touched:
            return scene
        readings = list(scene.readings)
        for storage in touched:
            for place in scene.places_of(storage):
                known = readings[place]
                if known.version is not None:
                    readings[place] = known.at_version(known.version + versions[storage])
        return scene.with_readings(readings, same_memory=True)

    # --- what would change ---

    def _differences(self, after: Snapshot, made: Mapping[str, _Place]) -> tuple[list[Found], list[Born]]:
        found: dict[str, Found] = {}
        born: dict[str, Born] = {}
        for write, (_, last) in self.memory.writes.items():
            for path, reading in self._reached(write, after):
                spelled = str(path)
                place, before = made.get(spelled), self.known.snapshot.get(spelled)
                if before is not None and before.object == reading.object:
                    found[spelled] = Difference(path=path, before=before, after=reading), _CHANGED
                elif place is not None and last > place.since:
                    born.setdefault(spelled, self._born(place, reading))
                else:
                    continue
                is_whole = write.is_certain or self.certain.get(spelled, False)
                self.certain[spelled] = is_whole
        return [*found.values()], [*born.values()]

    def _reached(self, write: AbstractWrite, after: Snapshot) -> list[tuple[AccessPath, Reading]]:
        return neighbours_of(write.reading, after)

    def _born(self, place: _Place, reading: Reading) -> Born:
        difference = Difference(path=place.path, before=place.reading, after=reading)
        return Born(
            look=place.since + 1,
            positions=frozenset((Position(place.statement, None, blind=False),)),
            ran=frozenset(self.interpreter.ran),
            found=((difference, _CHANGED),),
        )

    # --- what capture would have seen ---

    def _seen(self, after: Snapshot) -> dict[int, tuple[SeenWrite, ...]]:
        found: dict[int, list[SeenWrite]] = defaultdict(list)
        for write, moments in self.memory.writes.items():
            reading, mask = write.reading, _mask(write.reading)
            storages = {reading.storage: reading.low}
            for _, one in self._reached(write, after):
                storages.setdefault(one.storage, reading.address - one.storage_start)
            for look in dict.fromkeys(moments):
                for storage, low in storages.items():
                    seen = SeenWrite(storage, frozenset((write.position,)), look + 1, mask, low)
                    found[storage].append(seen)
        return {storage: tuple(sorted(several, key=lambda one: one.look)) for storage, several in found.items()}

    def _steps(self) -> Iterator[OptimizerStep]:
        for one in self.interpreter.steps:
            held = [*one.optimizer.held, *one.written]
            state = [*_tensors_of(one.optimizer)]
            yield OptimizerStep(
                statement=one.statement,
                paths=frozenset(self._paths_of(one.optimizer)),
                parameters=frozenset(each.reading.object for each in held),
                storages=frozenset(each.reading.storage for each in (*held, *state)),
            )

    def _paths_of(self, optimizer: AbstractObject) -> Iterator[str]:
        if optimizer.path is not None:
            yield str(optimizer.path)
        yield from (name for name, value in self.interpreter.top.names.items() if value is optimizer)

    def _files(self) -> dict[str, SourceFile]:
        places = {one.position.place for one in self.memory.writes}
        names = {place[0] for place in places if place is not None}
        count, notebook = self.known.count, self.run.notebook
        cells = {file_of(one.cell): one.cell for one in notebook.definitions.values()} | {file_of(count): count}
        return {
            name: SourceFile(cell=cell, text=self.run.source if cell == count else notebook.source_of(cell))
            for name, cell in cells.items()
            if name in names
        }


def _tensors_of(optimizer: AbstractObject) -> Iterator[AbstractTensor]:
    waiting: list[AbstractValue] = [*optimizer.parts.values()]
    while waiting:
        one = waiting.pop()
        if isinstance(one, AbstractTensor):
            yield one
        elif isinstance(one, AbstractObject):
            waiting += one.parts.values()


def _scene(entries: list[tuple[AccessPath, Reading]]) -> RootSnapshot:
    scene = RootSnapshot(outline=Outline(), readings=tuple(reading for _, reading in entries))
    vars(scene)["paths"] = tuple(path for path, _ in entries)
    return scene


def _mask(reading: Reading) -> bytes | None:
    """Return which bytes of its span a write covers; None if they are too many."""
    size = reading.high - reading.low
    if not 0 < size <= LARGEST_MASK or reading.unknown:
        return None
    if reading.is_dense:
        return b"\1" * size
    mask = np.zeros(size, np.uint8)
    lay_out(mask, reading, 0)[...] = 1
    return mask.tobytes()
