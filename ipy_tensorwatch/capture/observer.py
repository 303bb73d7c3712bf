"""Look at a namespace and find what changed since the last look, in names, metadata and bytes."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import cached_property, partial
from itertools import groupby
from operator import itemgetter
from time import perf_counter
from typing import TYPE_CHECKING

from ..core.records.reason import BUDGET, Reason
from ..core.records.report_parts import Coverage, Unverified
from ..core.records.snapshots.difference import DiffRow, diff
from ..core.records.snapshots.differences import Differences
from ..core.records.snapshots.snapshot import RootSnapshot, Snapshot
from ..core.runtime.guard import GUARD
from ..core.runtime.record import field, mutable, record
from .autograd.graph import Graphs
from .autograd.known_bytes import KnownBytes
from .autograd.note_saved import SaveRecorder
from .compare.arriving_copies import ArrivingCopies
from .compare.borrowed_memory import BorrowedMemory
from .compare.byte_history import NO_PAST, ByteHistory, Period
from .compare.compare_bytes import ByteVerdict, Fingerprints
from .compare.device_prints import DevicePrints
from .compare.element_diff import EXAMPLES, ElementCounts, contrast_rows
from .compare.sparse_owners import with_owners
from .compare.time_budget import BANDWIDTH, TimeBudget
from .objects.look_limits import EXACT_TENSORS
from .snapshot.snapshotter import Roots, Shot, Snapshotter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..core.records.reading import Reading
    from ..core.records.trace.saved_tensor import Overwritten

SHORTEST, LONGEST, FIRST_READING = 0.002, 0.003, 0.005
"""CPU seconds for looking beyond an ordinary number of tensors: minimum, maximum (longer after long cells), and minimum
while some were never read."""


ONCE_SEEN, UNSEEN = 0.0005, 0.01
"""CPU seconds for comparing bytes: after a cell that cannot have written, and while some were never read."""
UNCOUNTED = 1 << 25
"""The bytes kept of changes before the last look, so that their elements can be counted."""


@record(eq=False, slots=False)
class Observation:
    """One look: the snapshot, the changed paths with the change of their bytes, and what was left out.

    Attributes
    ----------
    overwritten
        The saved tensors that were overwritten.
    cut
        The paths whose graphs were not fully read.
    """

    shot: Shot
    found: Differences
    verdicts: Mapping[int, ByteVerdict]
    overwritten: tuple[Overwritten, ...] = ()
    cut: tuple[str, ...] = ()

    @cached_property
    def coverage(self) -> Coverage:
        """How much of the watched memory was compared."""
        watched = self.shot.nbytes
        left_out = {storage: v.outcome for storage, v in self.verdicts.items() if v.after is None}
        blocks = self.shot.blocks, self.shot.on_devices
        missed = sum(known[storage].nbytes for known in blocks for storage in left_out if storage in known)
        unverified = dict.fromkeys(
            (
                *(Unverified(path=path, why=why) for path, why in self.shot.skipped),
                *self._not_compared(left_out),
                *(Unverified(path=path, why=Reason("graph-not-read")) for path in self.cut),
                *(
                    Unverified(path=str(path), why=reading.unknown or Reason("device", reading.device))
                    for scene in self.shot.snapshot.scenes.values()
                    for path, reading in scene.untold
                    if reading.unknown or (reading.nbytes and reading.storage not in self.shot.on_devices)
                ),
            )
        )
        return Coverage(
            tensors=len(self.shot.snapshot),
            bytes=watched,
            verified_bytes=watched - missed,
            unverified=tuple(unverified),
        )

    @property
    def gone(self) -> tuple[int, ...]:
        """The storages whose memory is gone."""
        return tuple(storage for storage, verdict in self.verdicts.items() if verdict.outcome == "unreadable")

    def _not_compared(self, left_out: Mapping[int, str]) -> Iterator[Unverified]:
        """Yield what was not compared: by path, or by container if there are many."""
        for scene in self.shot.snapshot.scenes.values() if left_out else ():
            missed = left_out.keys() & scene.by_storage.keys()
            places = {place: _REASONS[left_out[one]] for one in missed for place in scene.places_of(one)}
            for path, place in scene.summed_up(sorted(places), MANY):
                yield Unverified(path=path, why=places[place])


_REASONS = {
    "skipped": BUDGET,
    "moved": Reason("moved"),
    "unreadable": Reason("gone"),
    "pending": Reason("device-busy"),
    "captured": Reason("capturing"),
    "failed": Reason("device-failed"),
}
FEW = 16
"""Up to one in so many storages are looked up one by one."""
MANY = 100
"""Beyond so many uncompared tensors in one container, only the container is listed."""


@mutable
class Observer:
    """Looks at one namespace repeatedly."""

    snapshotter: Snapshotter = field(default_factory=Snapshotter)
    prints: Fingerprints = field(default_factory=Fingerprints)
    devices: DevicePrints = field(init=False)
    arriving: ArrivingCopies = field(init=False)
    graphs: Graphs = field(default_factory=Graphs)
    borrowed_memory: BorrowedMemory = field(default_factory=BorrowedMemory)
    budget: TimeBudget = field(default_factory=TimeBudget)
    shot: Shot = field(default_factory=lambda: Shot(Snapshot(), {}))
    _uncounted: deque[ElementCounts] = field(default_factory=deque)
    _late: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Keep the marks of devices beside the others."""
        self.devices, self.arriving = DevicePrints(self.prints), ArrivingCopies(self.prints)

    def look(
        self,
        namespace: Mapping[str, object],
        cell: int,
        patience: float = 0.0,
        past: ByteHistory = NO_PAST,
        examples: int = EXAMPLES,
    ) -> Observation:
        """Compare the namespace with the last look.

        Parameters
        ----------
        namespace
            The user's names.
        cell
            The count of the cell that ran.
        patience
            Seconds for comparing layouts, which an assignment to `.data` changes without moving the version.
        past
            The bytes seen while the cell ran.
        examples
            How many changed elements of a tensor are recorded.
        """
        computed = Roots()
        before, shot = self.shot, self.snapshotter.take(namespace, patience, computed, self._seconds())
        self.budget.pay(min(self.snapshotter.spent, max(0.0, self.budget.credit / 2)))
        known = before.snapshot
        if shot.late:
            known = Snapshot(scenes={**known.scenes, **shot.late})
        rows = [] if shot.snapshot is known else diff(known, shot.snapshot)
        written = _written(rows)
        verdicts = self._compare(shot, written, cell)
        if shot.on_devices:
            readings = shot.snapshot.by_storage.readings
            there = self.devices.compare(shot.on_devices, cell, readings, self.budget, namespace.values())
            busy = [shot.on_devices[one] for one, verdict in there.items() if verdict.outcome == "pending"]
            self.arriving.look(cell, written, shot.blocks, verdicts, busy)
            verdicts.update(there)
        found = self._contrast(shot, [*rows, *_rewritten(shot, rows, verdicts)], verdicts, examples)
        is_as_before = shot.blocks is before.blocks and len(self.prints.marks) == len(shot.blocks)
        if not (shot.resting or is_as_before) or len(self.prints.marks) > 2 * len(shot.snapshot) + EXACT_TENSORS:
            self.prints.forget_all_but({*shot.blocks}.union(*shot.resting))
        if self.prints.on_devices and shot is not before:
            self.prints.forget_on_devices_all_but(shot.on_devices)
        self.shot = shot
        overwritten = self._follow_graphs(computed, verdicts, cell, past, rows if shot is not before else None)
        cut = tuple(path for path, _ in computed) if self.graphs.tells_none else self.graphs.cut
        return Observation(shot=shot, found=found, verdicts=verdicts, overwritten=overwritten, cut=cut)

    def settle(self, seen: Observation, cell: int, namespace: Mapping[str, object] | None) -> Observation | None:
        """Complete an earlier look with the digests that have arrived from devices since; None if none has.

        Parameters
        ----------
        namespace
            The user's names, if no code has run since; without them hazards are found at the next look.
        """
        fresh = self.devices.settle(cell)
        is_over = namespace is not None and not self.devices.is_waiting_for(cell)
        blocks = seen.shot.blocks if is_over else None
        fresh |= self.arriving.settle(cell, blocks, seen.shot.snapshot.by_storage.readings)
        if not fresh:
            return None
        changed = {storage: one for storage, one in fresh.items() if one.outcome != "same"}
        self._late.update(storage for storage, one in changed.items() if one.outcome == "changed")
        verdicts = {storage: one for storage, one in seen.verdicts.items() if storage not in fresh} | changed
        rows = [*seen.found.rows]
        found = self._contrast(seen.shot, [*rows, *_rewritten(seen.shot, rows, verdicts)], verdicts, EXAMPLES)
        overwritten, computed = seen.overwritten, Roots()
        if self._late and namespace is not None and self.snapshotter.take(namespace, 0.0, computed) is seen.shot:
            overwritten = self._follow_graphs(computed, changed, cell, NO_PAST, None)
        return replace(seen, found=found, verdicts=verdicts, overwritten=overwritten)

    def spare(self) -> None:
        """Spend little on a cell that cannot have written: writes by others are found after later cells."""
        has_seen_all = self.prints.marks.keys() >= self.shot.blocks.keys()
        self.budget.cap = ONCE_SEEN if has_seen_all else UNSEEN

    @property
    def is_heavy(self) -> bool:
        """Whether comparing all bytes takes long."""
        return self.shot.nbytes > BANDWIDTH * UNSEEN

    def _seconds(self) -> float:
        """Return the time limit for looking at more than an ordinary number of tensors, in seconds."""
        spare = self.budget.credit / 2
        least = FIRST_READING if self.snapshotter.has_unread else SHORTEST
        return min(max(spare, least), LONGEST + self.budget.granted / 2)

    def _compare(self, shot: Shot, written: set[int], cell: int) -> dict[int, ByteVerdict]:
        """Compare the bytes with their marks; memory that is gone is skipped, for it may be reused."""
        self.borrowed_memory.follow(shot.blocks, self.snapshotter.storages)
        gone, marks = self.borrowed_memory.gone, self.prints.marks
        blocks = {one: block for one, block in shot.blocks.items() if one not in gone} if gone else shot.blocks
        verdicts = self.prints.compare(
            blocks,
            written,
            cell,
            self.budget,
            shot.snapshot.by_storage.readings,
            self.snapshotter.storages.references,
        )
        return {**verdicts, **{one: ByteVerdict("unreadable", marks.get(one), None, None) for one in gone}}

    def _follow_graphs(
        self,
        computed: Roots,
        verdicts: Mapping[int, ByteVerdict],
        cell: int,
        past: ByteHistory,
        rows: list[DiffRow] | None,
    ) -> tuple[Overwritten, ...]:
        """Follow the graphs; without `rows`, the snapshot is the one of the last look."""
        rewritten = {storage for storage, verdict in verdicts.items() if verdict.outcome == "changed"}
        rewritten.update((one for one in past.seen if one not in self.prints.marks), self._late)
        self._late.clear()
        start = perf_counter()
        known = replace(past, periods=lambda storage: past.periods(storage) or _before(verdicts.get(storage)))
        recorder = SaveRecorder(
            self.snapshotter.objects,
            self.snapshotter.storages,
            KnownBytes(self.prints, known),
            cell,
            start + self.budget.credit,
        )
        self.graphs.freed.may_free = bool(rewritten) or _has_gradients(rows or ())
        look = partial(self.graphs.look, moved=_moved(rows or ()), is_same=rows is None)
        found = GUARD.run("reading-graphs", look, computed, recorder, rewritten, default=None)
        if found is None:
            self.graphs = Graphs(is_cut=True)
        self.budget.pay(perf_counter() - start)
        return found or ()

    def _contrast(
        self, shot: Shot, rows: list[DiffRow], verdicts: Mapping[int, ByteVerdict], examples: int
    ) -> Differences:
        """Compare the elements of the paths that may have changed."""
        compared = contrast_rows(rows, verdicts, self.prints, examples)
        rows, contents = with_owners(shot.snapshot, rows, compared)
        counts = ElementCounts(rows, contents, examples)
        self._keep(counts)
        return Differences(
            rows=rows,
            changed=[one.changed for one in contents],
            verified=[one.verified for one in contents],
            since=[one.since for one in contents],
            counts=counts,
        )

    def _keep(self, counts: ElementCounts) -> None:
        """Keep the bytes in which changed elements can be counted later, for the last looks only."""
        earlier = self._uncounted
        while sum(one.nbytes for one in earlier) > (0 if self.devices.is_short else UNCOUNTED):
            earlier.popleft().let_go()
        if counts.nbytes:
            earlier.append(counts)


def _rewritten(shot: Shot, rows: list[DiffRow], verdicts: Mapping[int, ByteVerdict]) -> Iterator[DiffRow]:
    """Yield paths whose readings are the same but whose bytes changed."""
    changed = {storage for storage, verdict in verdicts.items() if verdict.outcome == "changed"}
    if not changed:
        return
    known: dict[int, set[int]] = {}
    for scene, several in groupby(rows, itemgetter(0)):
        known[id(scene)] = known.get(id(scene), set()) | {place for _, place, _, _ in several}
    for scene, places in _places_of(changed, shot):
        for place in sorted(places - known.get(id(scene), set())):
            reading = scene.readings[place]
            yield DiffRow(scene, place, reading, reading)


def _places_of(storages: set[int], shot: Shot) -> Iterator[tuple[RootSnapshot, set[int]]]:
    """Yield the places of some storages, scene by scene: by scanning everything if they are many, else by lookup."""
    is_few = FEW * len(storages) < len(shot.snapshot)
    for scene in shot.snapshot.scenes.values():
        if is_few:
            yield scene, {place for storage in storages for place in scene.places_of(storage)}
        else:
            yield scene, {i for i, one in enumerate(scene.readings) if one.storage in storages and not one.unknown}


def _before(verdict: ByteVerdict | None) -> list[Period]:
    """Return the bytes at the start of the cell of a storage that was not read while it ran."""
    known = verdict is not None and verdict.outcome == "changed" and verdict.before
    return [Period(0, 0, known)] if known else []


def _has_gradients(rows: Sequence[DiffRow]) -> bool:
    """Return whether a gradient is among some rows."""
    scenes = {id(row.scene): row.scene for row in rows}
    places = {key: {place for _, place in scene.gradients} for key, scene in scenes.items()}
    return any(row.place in places[id(row.scene)] for row in rows)


def _moved(rows: Sequence[DiffRow]) -> dict[int, Reading]:
    """Return the tensors that were given other memory, by the serial of the object."""
    both = [(before, after) for _, _, before, after in rows if before is not None and after is not None]
    return {
        after.object: after
        for before, after in both
        if before.object == after.object and before.storage != after.storage
    }


def _written(rows: list[DiffRow]) -> set[int]:
    """Return the storages of tensors whose version counter moved."""
    return {
        after.storage
        for _, _, before, after in rows
        if before is not None and after is not None and before.version != after.version
    }
