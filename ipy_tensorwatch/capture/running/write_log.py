"""Look at the watched bytes while a cell runs, and record which statement and line wrote them."""

from __future__ import annotations

from collections import deque
from functools import cache, partial
from math import inf
from operator import attrgetter
from sys import settrace
from time import perf_counter, thread_time
from typing import TYPE_CHECKING

from ...core.records.trace.evidence import Move, Position, SeenWrite
from ...core.runtime.guard import GUARD, pause_tracing
from ...core.runtime.record import field, mutable
from ...core.syntax.probe_insertion import make_probes, silence
from ..compare.byte_history import ByteHistory
from ..frames.line_monitor import CAN_SEE, LineWatch
from ..runtime.gc_pause import quiet_collector
from ..runtime.graph_private import next_sequence_number
from ..runtime.torch_private import plain_reads
from .memory_watch.live_watch import LiveWatch
from .memory_watch.look_budget import EVENT, PASS, READING, SWITCH, LookBudget
from .memory_watch.watched_storage import Rewritten, lies_in_whole_readings
from .resting_probes import HOT_ENTRIES, HOT_INTERVAL, SAMPLED_ENTRIES, SAMPLED_INTERVAL, SHORTEST_REST, RestingProbes
from .wake_timer import WakeTimer
from .writes_at_end import WritesAtEnd

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence
    from types import ModuleType

    import torch

    from ...core.blame.evidence.operator_writes import Region
    from ...core.records.snapshots.snapshot import Snapshot
    from ..compare.compare_bytes import StorageMark
    from ..compare.device_prints import DevicePrints
    from ..observer import Observation
    from ..snapshot.snapshotter import Shot
    from ..tensors.serials import StorageSerials
    from .born_paths import BornPaths
    from .memory_watch.storage_moves import Moved
    from .spoiled_backwards import SpoiledBackwards

SMALL, LARGER = 1 << 16, 1 << 21
"""The largest storage that is read, and the bytes of larger ones that are read too if writes may be hidden."""
MAX_BUILT = 4096
"""How many of the last statements are kept with their nodes' numbers; older nodes are seldom alive."""


@mutable
class WriteLog:
    """The writes of one cell by statement and line, recorded within a share of its run time.

    Attributes
    ----------
    files
        The file names of the notebook's cells, whose functions are tracked.
    probes
        The instrumented cell calls `probes.p<k>()` before statement `k`, and if that returns true,
        `probes.deliver()`, which raises in the cell what a signal that arrived meanwhile has to raise.
    sample, sampled
        Called with a statement's index when it is entered: for some statements each time, for others the first.
    end_sampling
        Called with the index of a statement that runs too often to be sampled further.
    is_inert
        Returns whether a statement that has run can have written nothing, so that no look is due.
    widening
        The statements before which new tensors are searched, if graphs have grown.
    before, peek
        The snapshot at the start of the cell, and how to take another while it runs.
    paths
        What the cell has bound so far.
    devices
        Compares the storages on devices.
    largest
        The size in bytes of the largest storage that is read.
    follows, follows_losses
        Whether the cell may replace a tensor's memory: each look must follow the tensors, or each that misses one.
    built
        (sequence number of the next node, statement) at each entry of a statement.
    resting
        The statements whose probes rest, because they run often.
    numbers, outside
        The same number at each look, the start of the cell included, and the looks outside functions.
    spoiled
        What backwards compute with; None if nothing in the cell may hide a write.
    verify
        Called at each probe; the error that it returns is raised in the cell. None if nothing is frozen.
    tires
        Whether probes of loops may rest once there is no time for looks: then `current` may not be what runs.
    """

    marks: Mapping[int, StorageMark]
    before: Shot
    storages: StorageSerials
    peek: Callable[[], Shot]
    paths: BornPaths
    look_budget: LookBudget
    sample: Callable[[int], None]
    end_sampling: Callable[[int], None]
    is_inert: Callable[[int], bool]
    files: Container[str] = ()
    devices: DevicePrints | None = None
    largest: int = SMALL
    follows: bool = False
    follows_losses: bool = False
    spoiled: SpoiledBackwards | None = None
    verify: Callable[[], Exception | None] | None = None
    tires: bool = True
    sampled: frozenset[int] = frozenset()
    widening: frozenset[int] = frozenset()
    probes: ModuleType = field(default_factory=partial(make_probes, {}))
    current: int | None = None
    writes: list[SeenWrite] = field(default_factory=list)
    at_end: WritesAtEnd = field(default_factory=WritesAtEnd)
    moves: list[Move] = field(default_factory=list)
    built: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=MAX_BUILT))
    numbers: list[int] = field(default_factory=lambda: [next_sequence_number()])
    outside: list[int] = field(default_factory=lambda: [0])
    lines: LineWatch = field(init=False)
    resting: RestingProbes = field(init=False)
    _timer: WakeTimer = field(init=False)
    _is_over: bool = False
    _look_cost: float = 0.0
    _widened: int = 0
    _epochs: list[set[Position]] = field(default_factory=lambda: [set()])
    _watch: LiveWatch | None = None
    _entered: dict[int, tuple[int, float, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Set up line tracking and resting probes."""
        self.lines = LineWatch(self.files, self._leave_line)
        self.resting = RestingProbes(self.probes, self.built)
        self._timer = WakeTimer(self._wake)

    @property
    def ran(self) -> frozenset[int]:
        """The statements that were entered."""
        return frozenset(self._entered)

    @property
    def is_blurred(self) -> bool:
        """Whether another statement than `current` may be running."""
        return bool(self.resting)

    @property
    def past(self) -> ByteHistory:
        """The bytes seen by the looks so far."""
        seen = (one.periods, one.seen, one.now, one.storage_moves.places) if (one := self._watch) else ()
        return ByteHistory(self.numbers, self.outside, *seen)

    def begin(self, count: int, sampled: frozenset[int], widening: frozenset[int]) -> None:
        """Start the clock for a cell of `count` statements."""
        self.sampled, self.widening = sampled, widening
        self.resting.begin({index: partial(self._enter, self._enter_statement, index) for index in range(count)})
        self.look_budget.begin()

    def look_closely(self, copies: Mapping[int, StorageMark], largest: int, share: float) -> None:
        """Spend a larger share on looks between statements, and read larger storages too."""
        self.marks, self.largest, self.tires = {**self.marks, **copies}, largest, False
        self.look_budget.floor = self.look_budget.share = share

    def end(self) -> None:
        """Stop tracking lines: the cell has run."""
        self._close_epoch()
        self._stop()
        if self._watch is not None:
            self._watch.device_watch.end(len(self._epochs))

    def finish(self, observed: Observation, *, late: bool = False) -> None:
        """Record what the final comparison found beyond the looks; later only what devices have told since."""
        if self._watch is None and not observed.found:
            return
        watch = self._watch = self._watch or self._start_watching(looks=False)
        self.writes = sorted((*self.writes, *watch.device_watch.take_writes(self._epochs)), key=attrgetter("look"))
        number, rows = len(self._epochs), observed.found.rows if self.paths.births else observed.found.moved
        moved = [] if late else [*watch.storage_moves.settle(rows)]
        after = None if moved or self.moves else observed.shot.snapshot
        known = watch.watched.keys() | {one.storage for one in self.writes}
        if not late:
            self._note(watch.conclude(observed.verdicts, known, number), moved, number, after)
        self.at_end = WritesAtEnd(watch.unseen(observed.verdicts, known), self.since(0), number, after)

    def forget(self) -> None:
        """Release the copies of bytes."""
        self._watch, self.marks = None, {}
        self.paths.births.clear()

    def _enter(self, enter: Callable[[int], None], index: int) -> bool:
        """Enter a statement; return whether a signal or error must be delivered to the cell first."""
        found, tracer = None, pause_tracing()
        try:
            found = self.verify() if self.verify is not None else None
            if found is None:
                enter(index)
                if not GUARD.signals.arrived:
                    return False
        except BaseException as error:  # noqa: BLE001  (no probe may raise into the cell; a call of the guard is too slow)
            GUARD.run("between-statements", self._fail, error, default=None)
        finally:
            if tracer is not None:
                settrace(tracer)
        if found is not None:
            raise found
        return self._has_to_deliver()

    def _fail(self, error: BaseException) -> None:
        """Silence all probes after one has failed."""
        GUARD.note("between-statements", error)
        silence(self.probes)
        self._stop()

    def _stop(self) -> None:
        self._is_over = True
        self._timer.stop()
        self.lines.close()

    def _has_to_deliver(self) -> bool:
        if are_waiting := GUARD.signals.are_waiting:
            vars(self.probes)["deliver"] = GUARD.signals.take()
        return are_waiting

    def _enter_statement(self, index: int) -> None:
        """Look: changes since the last look were written by the statements that ran since then."""
        if self._is_over:
            return
        now = perf_counter()
        first = index not in self._entered
        if self.current is not None and not self.is_inert(self.current):
            self._close_epoch()
            again = not first and self._entered[self.current][0] > 1
            if self.look_budget.has_time(now, self._look_cost if again else 0.0, again=again):
                self._look(widen=index in self.widening and self._may_widen(now), again=again)
                if (self.writes or self.moves) and self.spoiled is not None:
                    self.spoiled.before(index, self.writes, self.past, self.look_budget)
        self.current = index
        number = next_sequence_number()
        self.built.append((number, index))
        if first or index in self.sampled:
            self.sample(index)
        self._see_lines(index, now)
        if self.resting:
            self.resting.follow(index)
        self._cool_down(index, now, number)

    def _sample_at_rest(self, note: Callable[[], object], index: int) -> None:
        """Record the keys of a statement that runs at rest."""
        note()
        count, first, number = self._entered[index]
        self._entered[index] = count + 1, first, number
        is_last = count >= SAMPLED_ENTRIES and perf_counter() - first < count * SAMPLED_INTERVAL
        self.sample(index)
        if is_last:
            self._rest(index, number, samples=False)

    def foresee(self, written: Sequence[tuple[torch.Tensor, Region]], number: int) -> None:
        """Look at memory that an operator is about to write, when all nodes before a number had saved."""
        current = self.current
        if current is None or number == self.numbers[0] or self.look_budget.left_inside(current, perf_counter()) <= 0:
            return
        began = thread_time()
        watch = self._watch = self._watch or self._start_watching()
        due = [one for one in written if self.numbers[watch.last_look(one[1].storage)] < number]
        if due:
            self._close_epoch()
            look = self._open_epoch(number, inside=True)
            self._note(watch.foresee(due, self.storages, look), (), look)
        self.look_budget.charge(thread_time() - began, inside=True)

    def _see_lines(self, index: int, now: float) -> None:
        if CAN_SEE and not self.lines.is_on and self.look_budget.left_inside(index, now) > SWITCH:
            self.lines.open()
            self.look_budget.charge(SWITCH, inside=True)
        self.lines.surface()

    def _leave_line(self) -> None:
        """Leave a line inside a function: changes since the last look were written by the lines since then."""
        if self.current is None:
            return
        self._close_epoch()
        now = perf_counter()
        if self.look_budget.left_inside(self.current, now) > 0:
            self._look(inside=True)
        elif self.look_budget.is_overdrawn(self.current, now):
            self.lines.close()
        self.look_budget.charge(EVENT, inside=True)

    def _cool_down(self, index: int, now: float, number: int) -> None:
        """Put the probe of a statement to rest if it is entered too often for looks."""
        count, first, began = self._entered.get(index, (0, now, number))
        self._entered[index] = count + 1, first, began
        if self.verify is not None or not count:
            return
        samples = index in self.sampled
        if count == HOT_ENTRIES and now - first < HOT_ENTRIES * HOT_INTERVAL:
            self._rest(index, began, samples=False)
        elif index in self.resting:
            if number > began and index not in self.resting.stamping:
                self._rest(index, began, samples=samples)
        elif self.tires and not self.look_budget.has_time(now, self._look_cost, again=True):
            self._rest(index, began, samples=samples)

    def _rest(self, index: int, began: int, *, samples: bool) -> None:
        """Put the probe of a statement to rest; one that writes items records their keys for a while."""
        self.lines.close()
        self.lines.surface()
        stamps = next_sequence_number() > began
        if samples:
            self.resting.rest(
                index, stamps=stamps, wrap=lambda note: partial(self._enter, partial(self._sample_at_rest, note), index)
            )
        else:
            self.resting.rest(index, stamps=stamps)
            if index in self.sampled:
                self.end_sampling(index)
        self._timer.start(max(SHORTEST_REST, self._wait()))

    def _wake(self) -> float:
        """Wake probes if there is time to look twice; return the seconds until the next attempt."""
        if self._is_over:
            return inf
        wait = self._wait()
        if wait <= 0:
            self.resting.wake()
        return max(SHORTEST_REST, wait)

    def _wait(self) -> float:
        return self.look_budget.wait(perf_counter(), 2 * self._look_cost)

    def _open_epoch(self, number: int, *, inside: bool) -> int:
        """Start a new set of positions and number its look; all nodes before `number` had saved by then.

        Inside a statement, the running one may be any that ran at rest since the last look.
        """
        running = {one for one in self._epochs[-1] if one.statement in self.resting} if inside else set[Position]()
        self._epochs.append(running)
        self.numbers.append(max(number, self.numbers[-1]))
        return len(self._epochs) - 1

    def _may_widen(self, now: float) -> bool:
        """Return whether graphs have grown since the last search for new tensors, and there is time for another."""
        has_grown = next_sequence_number() > max(self._widened, self.numbers[0])
        return has_grown and self.look_budget.has_time(now, READING * len(self.before.snapshot))

    def _look(self, *, inside: bool = False, widen: bool = False, again: bool = False) -> None:
        began = thread_time()  # only CPU time counts: waiting for the GIL does not delay the cell
        GUARD.signals.hold()
        try:
            with plain_reads(), quiet_collector():
                self._compare(inside=inside, widen=widen)
        finally:
            GUARD.signals.release()
        self._look_cost = PASS + thread_time() - began
        self.look_budget.charge(self._look_cost, inside=inside, again=again)

    def _compare(self, *, inside: bool, widen: bool) -> None:
        watch = self._watch = self._watch or self._start_watching()
        number = self._open_epoch(next_sequence_number(), inside=inside)
        if not inside:
            self.outside.append(number)
        rewritten = [*watch.look(number)]
        due = self.follows or (self.follows_losses and watch.has_lost)
        shot = self.peek() if due or widen else None
        moved = watch.follow(shot, self.storages.references(), number) if shot and due else ()
        self._note(rewritten, moved, number)
        if shot and widen:
            watch.widen(shot, self.storages.references(), number)
            self._widened = self.numbers[-1]
        if not inside:
            self.paths.follow(watch, self.writes, self.since, number, self.look_budget.left(perf_counter()) / 2)

    def _note(
        self, rewritten: Iterable[Rewritten], moved: Iterable[Moved], number: int, after: Snapshot | None = None
    ) -> None:
        since = cache(self.since)
        for one in rewritten:
            is_all_one = one.mask is None or (after is not None and lies_in_whole_readings(one, after))
            mask = None if one.mask is None or is_all_one else one.mask.tobytes()
            self.writes.append(SeenWrite(one.storage, since(one.since), number, mask, one.low))
        self.moves.extend(one.seen(since(one.since), number) for one in moved)

    def since(self, look: int, until: int | None = None) -> frozenset[Position]:
        """Return the positions since a look, or between two."""
        return frozenset().union(*self._epochs[look:until])

    def _start_watching(self, *, looks: bool = True) -> LiveWatch:
        room, (marks, devices) = LARGER if self.widening else 0, (self.marks, self.devices) if looks else ({}, None)
        return LiveWatch.begin(self.before, marks, self.storages.references(), self.largest, room, devices)

    def _close_epoch(self) -> None:
        if self.current is not None:
            epoch = self._epochs[-1]
            epoch.add(Position(self.current, self.lines.place, self.lines.blind))
            if self.resting:
                epoch.update(map(Position, self.resting.take_ran()))
