"""Write the trace of a cell that has not run, as capture would: then the same reasoning explains it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from ..hazards.overwritten.unused_by_backward import use_of
from ..memory.overlap import share_bytes
from ..records.report_parts import Cell, Change, Coverage, Site
from ..records.snapshots.difference import Content, Difference
from ..records.trace.cell_trace import CellTrace, SourceFile
from ..records.trace.evidence import Evidence, OptimizerStep, Position, SeenWrite
from ..records.trace.graph_state import GraphState, HalfFreed
from ..runtime.deadline import NEVER, Deadline
from ..syntax.cell_lines import Listing
from ..syntax.name_promises import says_own_values
from .born_places import BornPlaces
from .foretold_hazards import OwnSaves, refused_write
from .freed_parts import as_one, find_half_freed, freed_before
from .library.training_steps import held_inside
from .own_counters import OwnCounters
from .run.abstract_frame import file_of
from .run.known_scene import is_view
from .settled_changes import SettledChanges
from .snapshot_afterwards import Afterwards
from .unheld_gradients import unheld_gradients
from .values.abstract_values import AbstractObject, AbstractTensor
from .written_span import WrittenSpan, mask_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..hazards.hazard import Hazard
    from ..records.path import AccessPath
    from ..records.reading import Reading
    from ..records.snapshots.differences import Found
    from ..records.trace.notebook import Notebook
    from ..records.trace.saved_tensor import Overwritten
    from .known_state import KnownState
    from .run.abstract_run import AbstractRun
    from .snapshot_afterwards import LaterEntry
    from .values.abstract_memory import AbstractWrite

_CHANGED, _MAY_CHANGE = Content.of(changed=True, verified=True), Content.of(changed=True, verified=False)


class TraceWriter:
    """Writes the trace that a cell would leave, as far as it may change anything silently or make a hazard.

    Attributes
    ----------
    certain
        For each path that would change, the lines of the statements that surely change it.
    """

    def __init__(self, run: AbstractRun, known: KnownState, deadline: Deadline = NEVER) -> None:
        self._run, self._known, self._memory = run, known, run.memory
        self._interpreter = run.interpreter
        unheld = [*unheld_gradients(run, known)]
        self._after = Afterwards(run, known, self._also_needed(unheld))
        self._sites: dict[Position, Site | None] = {}
        self.certain: dict[str, set[int]] = defaultdict(set)
        self._found: dict[str, Found] = {str(one.path): (one, _CHANGED) for one in unheld}
        self._settled = SettledChanges(run, known, self._after, self._site)
        self._born = BornPlaces()
        self._recorded = set[str]()
        self._counters = OwnCounters(known)
        self._spans: dict[int, WrittenSpan] = {}
        for write, moments in run.memory.writes.items():
            if not (write.by and self._is_unshared(write)):
                self._change(write, moments[-1], deadline)

    def _also_needed(self, unheld: Sequence[Difference]) -> Iterator[str]:
        """Yield the paths beside those that are written which the reasoning looks up."""
        if self._touches_saved() or self._memory.freed:
            yield from (path for one in self._known.saved for path in one.roots)
        yield from (one.path.root for one in unheld)
        for one in self._interpreter.notes.steps if unheld else ():
            yield from self._paths_of(one.optimizer)

    @cached_property
    def _half_freed(self) -> tuple[HalfFreed, ...]:
        """The graphs from before the cell of which its backward frees a part."""
        stopped = self._run.stopped
        freed = self._memory.freed if stopped is None or not stopped.freed else ()
        every = (one for scene in self._known.snapshot.scenes.values() for one in scene.readings) if freed else ()
        leaves = {one.storage for one in every if one.collects_gradient}
        return tuple(find_half_freed(self._known.saved, freed, self._after.lasts, leaves)) if freed else ()

    @cached_property
    def _same(self) -> frozenset[str]:
        """The paths of the tensors with a history that change, while autograd records none of the writes.

        A view is none: autograd gives it another history once its base has another version.
        """
        changed = (one for one, _ in (*self._found.values(), *self._born.changed()) if one.after is not None)
        with_history = (
            one.path
            for one in changed
            if one.after and one.after.requires_grad and not one.after.is_leaf and not is_view(one.after)
        )
        return frozenset(map(str, with_history)) - self._recorded

    def _is_used(self, path: str) -> bool:
        """Return whether a graph from before the cell has a tensor as its input: its gradients are the old ones."""
        reading = self._known.readings.get(path)
        if reading is None:
            return False
        # A view of it gets another history once it is written.
        users = [(one, self._known.readings.get(one)) for one in self._known.users.get(path, ())]
        if any(one == "" or (user is not None and user.storage != reading.storage) for one, user in users):
            return True
        return any(
            root != path
            and (
                one.saved.reading.object == reading.object
                or (root in one.origins and path in one.origins[root].through)
            )
            for one in self._known.saved
            for root in one.roots
        )

    def _touches_saved(self) -> bool:
        saved = {one.saved.reading.storage for one in self._known.saved}
        return any(write.reading.storage in saved for write in self._memory.writes)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing would change silently, and nothing that a graph saved."""
        return not (self._found or self._born or self._overwritten or self._half_freed)

    def refused(self) -> Iterator[Hazard]:
        """Yield the hazard of a write that PyTorch would refuse."""
        stopped = self._run.stopped
        if stopped is None or stopped.position is None:
            return
        site = self._site(stopped.position)
        yield from refused_write(stopped, site, self._after, self._known.count)
        if stopped.freed and stopped.root not in self._memory.spent:
            yield freed_before(stopped, site, self._after)
        if stopped.node is not None and stopped.tensor is not None:
            yield self._own_saves.hazard(stopped.node, stopped.tensor, ())

    def broken(self) -> Iterator[Hazard]:
        """Yield the hazards of graphs that the cell makes and breaks, if their backward is still to come."""
        if self._run.stopped is None:
            yield from self._own_saves.broken()

    @cached_property
    def _own_saves(self) -> OwnSaves:
        return OwnSaves(self._run, self._after, self._known.count, self._site)

    @cached_property
    def settled(self) -> Mapping[str, Change]:
        """The changes whose cause is certain, by their paths."""
        return self._settled.changes

    def _site(self, position: Position) -> Site | None:
        if position not in self._sites:
            found = self._run.statement_at(position)
            inner = self._listing.line(position.place) if position.place else None
            self._sites[position] = (
                Site(line=found.line, end_line=found.end_line, text=found.text, inner=inner) if found else None
            )
        return self._sites[position]

    @cached_property
    def _listing(self) -> Listing:
        files = self._files()
        return Listing({name: one.cell for name, one in files.items()}, lambda name: files[name].text)

    def trace(self, seconds: float) -> CellTrace:
        """Return the trace."""
        known, run = self._known, self._run
        return CellTrace(
            cell=Cell(count=known.count, source=run.source, status="ok", duration=0.0, overhead=0.0),
            before=known.snapshot,
            after=self._after.snapshot,
            found=tuple(self._found.values()) or tuple(self._born.bound()),
            born=tuple(self._born.as_born(frozenset(self._interpreter.notes.ran))),
            own=self._evidence(),
            notebook=self._notebook,
            files=self._files(),
            optimizers=tuple(known.optimizers),
            graphs=GraphState(
                overwritten=self._overwritten,
                same=self._same,
                half_freed=self._half_freed,
                used=frozenset(filter(self._is_used, self._same)),
                cells=frozenset(known.standing.built),
                fates={one.node: "backward-done" for one in known.standing.hazards if one.node is not None},
            ),
            coverage=Coverage(tensors=0, bytes=0, verified_bytes=0),
            seconds=seconds / (1 + len(self._born)),  # each is explained by itself
        )

    @property
    def _notebook(self) -> Notebook:
        """The definitions, and the names that loops leave over, as far as they matter."""
        changed = (one.path.root for one, _ in (*self._found.values(), *self._born.changed()))
        left, notebook = self._run.leftovers({*changed}), self._run.notebook
        return notebook if left is notebook.leftovers else replace(notebook, leftovers=left)

    # --- what would change ---

    def _change(self, write: AbstractWrite, last: int, deadline: Deadline) -> None:
        """Note the paths that a write changes, those left out where it is sure that the change is expected."""
        deadline.check()
        near = [one for one in self._after.beside(write.reading) if self._meets(write.reading, one[1])]
        for path, reading in near:
            if write.by and self._is_expected(write, path, reading, near):
                continue
            spelled = str(path)
            place, before = self._after.places.get(spelled), self._known.readings.get(spelled)
            is_old = before is not None and before.object == reading.object
            if not is_old and (place is None or last <= place.since):
                if place is not None:
                    self._born.put(place, reading, changed=False)
                continue
            if write.is_certain and (statement := self._run.statement_at(write.position)) is not None:
                self.certain[spelled].add(statement.line)
            self._settled.note(write, path, reading, near)
            if write.is_recorded:
                self._recorded.add(spelled)
            if before is not None and is_old:
                content = _CHANGED if self.certain[spelled] else _MAY_CHANGE
                self._found[spelled] = Difference(path=path, before=before, after=reading), content
            elif place is not None:
                self._born.put(place, reading, changed=True)

    def _is_unshared(self, write: AbstractWrite) -> bool:
        """Return whether one path alone leads to what is written, and its change is expected."""
        storage = write.reading.storage
        entry = self._known.alone(storage) if self._after.is_as_before(storage) else None
        return entry is not None and self._is_expected(write, *entry, (entry,))

    def _is_expected(
        self, write: AbstractWrite, path: AccessPath, reading: Reading, near: Sequence[LaterEntry]
    ) -> bool:
        """Return whether it is certain, without further reasoning, that nobody is surprised by a change."""
        if reading.object != write.reading.object:
            return False
        if write.by == "step":
            if says_own_values(path.root) and any(one.root != path.root for one, _ in near):
                return False  # a hazard, although the change is expected
            is_parameter = reading.kind == "parameter" or reading.collects_gradient
            return is_parameter or path.root in self._stepping.get(write.position.statement, ())
        if write.by == "backward":
            return path.is_grad
        roots = {one.root for one, other in near if other.object == reading.object}
        return reading.kind == "buffer" and len(roots) == 1

    @cached_property
    def _stepping(self) -> Mapping[int, set[str]]:
        """The variables that are optimizers, by the statement that makes only these step."""
        found: dict[int, set[str]] = defaultdict(set)
        for one in self._interpreter.notes.steps:
            found[one.statement].update(self._paths_of(one.optimizer))
        return found

    def _meets(self, written: Reading, reading: Reading) -> bool:
        if written.object == reading.object or (written[5:11] == reading[5:11] and written.numel):
            return True  # the very same elements
        return not reading.unknown and share_bytes(written, reading) is not False

    @cached_property
    def _overwritten(self) -> tuple[Overwritten, ...]:
        """What the graphs of other cells saved, that is overwritten, and that a backward still needs."""
        written: dict[int, list[AbstractWrite]] = defaultdict(list)
        for write in self._memory.writes:
            if write.is_certain:
                written[write.reading.storage].append(write)
        met = ((one, written[one.saved.reading.storage]) for one in self._known.saved if written)
        found: dict[object, list[Overwritten]] = defaultdict(list)
        for saved, touching in met:
            overwritten = self._overwrite(saved, touching) if touching else None
            if overwritten is not None:
                found[overwritten.key].append(overwritten)
        return tuple(map(as_one, found.values()))

    def _overwrite(self, one: Overwritten, touching: Sequence[AbstractWrite]) -> Overwritten | None:
        counted = sum(self._moves_counter(write, one) for write in touching)
        roots = tuple(path for path in one.roots if path not in self._memory.freed and self._after.lasts(path))
        roots = roots or tuple(self._carried(one))
        meets = counted or any(share_bytes(write.reading, one.saved.reading) for write in touching)
        reads = use_of(one.saved.op, one.saved.argument)
        if one.will_raise or not (roots and meets) or not (counted or (reads.mode is None and not reads.is_none)):
            return None  # of a write past the counter it is not known whether it harms where a mode of the node decides
        origins = {path: one.origins[path] for path in roots if path in one.origins}
        return replace(one, version=one.version + counted, roots=roots, origins=origins)

    def _carried(self, one: Overwritten) -> Iterator[str]:
        """Yield the names that the cell binds to what it computes from a graph, if none leads to its results."""
        left = [path for path in one.roots if path not in self._memory.freed]
        objects = {reading.object for path in left if (reading := self._known.snapshot.get(path)) is not None}
        for name, value in self._interpreter.top.names.items():
            leaves = value.leaves if isinstance(value, AbstractTensor) and objects else ()
            if any(leaf.base is not None and leaf.base.reading.object in objects for leaf in leaves):
                yield name

    def _moves_counter(self, write: AbstractWrite, one: Overwritten) -> bool:
        """Return whether a write moves the version counter of what a graph saved."""
        if not write.is_counted or write.by or write.reading.object == one.saved.reading.object:
            return write.is_counted
        return not self._counters.has_own(write.reading, self._run.statement_at(write.position), one.saved)

    # --- what capture would have seen ---

    def _evidence(self) -> Evidence:
        notes = self._interpreter.notes
        return Evidence(
            cell=self._known.count,
            plain=self._run.source,
            writes=self._seen(),
            steps=tuple(self._steps()),
            values={index: tuple(known) for index, known in notes.values.items()},
            targets={
                index: {name: frozenset(serials) for name, serials in names.items()}
                for index, names in notes.led.items()
            },
            ran=frozenset(notes.ran),
        )

    def _seen(self) -> Mapping[int, tuple[SeenWrite, ...]]:
        """Return the writes to the storages of what would change and must be searched for, or lies in a container."""
        born = (one for one, _ in self._born.changed())
        left = [one for one, _ in self._found.values() if str(one.path) not in self.settled]
        left += [one for one in born if one.path.steps or str(one.path) not in self.settled]
        changed = {one.after.storage for one in left if one.after}
        changed |= {one.saved.reading.storage for one in self._overwritten}
        found: dict[int, list[SeenWrite]] = defaultdict(list)
        for write, moments in self._memory.writes.items() if changed else ():
            storage = write.reading.storage
            if changed.isdisjoint(self._known.in_one_memory.get(storage, (storage,))):
                continue
            span, positions = self._span(write.reading), frozenset((write.position,))
            mask = mask_of(write.reading, span)
            for each, start in span.starts.items():
                found[each] += (SeenWrite(each, positions, look + 1, mask, start) for look in dict.fromkeys(moments))
        return {storage: tuple(sorted(several, key=lambda one: one.look)) for storage, several in found.items()}

    def _span(self, written: Reading) -> WrittenSpan:
        """Return the addresses of the paths that a write reaches, and its own."""
        found = self._spans.get(written.storage)
        if found is None or not found.low <= written.address <= written.end <= found.high:
            known = [one for _, one in self._after.beside(written) if not one.unknown]
            low = min([written.address, *(one.address for one in known)])
            starts = {one.storage: low - one.storage_start for one in (*known, written)}
            found = WrittenSpan(low, max([written.end, *(one.end for one in known)]), starts)
            self._spans[written.storage] = found
        return found

    def _steps(self) -> Iterator[OptimizerStep]:
        known: dict[int, OptimizerStep] = {}
        for one in self._interpreter.notes.steps:
            step = known.get(id(one.optimizer)) or self._step_of(one.optimizer)
            known[id(one.optimizer)] = step
            written = [each.reading for each in one.written if each.reading.object not in step.parameters]
            yield OptimizerStep(
                statement=one.statement,
                paths=step.paths,
                parameters=step.parameters.union([each.object for each in written]),
                storages=step.storages.union([each.storage for each in written]),
            )

    def _step_of(self, optimizer: AbstractObject) -> OptimizerStep:
        """Return what a step of an optimizer leads to, whichever statement makes it."""
        held = [one.reading for one in optimizer.held]
        state = [one.reading.storage for one in held_inside(optimizer)]
        return OptimizerStep(
            statement=None,
            paths=frozenset(self._paths_of(optimizer)),
            parameters=frozenset([one.object for one in held]),
            storages=frozenset([*(one.storage for one in held), *state]),
        )

    def _paths_of(self, optimizer: AbstractObject) -> Iterator[str]:
        if optimizer.path is not None:
            yield str(optimizer.path)
        yield from (name for name, value in self._interpreter.top.names.items() if value is optimizer)

    def _files(self) -> dict[str, SourceFile]:
        places = {one.position.place for one in self._memory.writes}
        names = {place[0] for place in places if place is not None}
        count, notebook = self._known.count, self._run.notebook
        cells = {file_of(one.cell): one.cell for one in notebook.definitions.values()} | {file_of(count): count}
        return {
            name: SourceFile(cell=cell, text=self._run.source if cell == count else notebook.source_of(cell))
            for name, cell in cells.items()
            if name in names
        }
