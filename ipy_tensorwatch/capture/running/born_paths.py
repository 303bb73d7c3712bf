"""Find what the statements of a running cell bind, as names and inside containers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...core.blame.evidence.path_writes import touches
from ...core.records.snapshots.difference import Content, DiffRow, make_row
from ...core.records.snapshots.outline import Outline
from ...core.records.trace.born import Arrival, Born
from ...core.records.trace.evidence import Position, SeenWrite
from ...core.runtime.record import field, mutable
from ..objects.containers import is_array, opener, quick_reader
from ..objects.inspect_object import is_a
from ..objects.look_limits import EXACT_OBJECTS, Limits
from ..objects.walk import walk
from ..runtime.torch_private import plain_reads
from ..snapshot.readings import Gathering
from ..snapshot.tensor_parts import COMPONENT, add_parts
from ..tensors.plain_reads import is_ndarray
from .left_path import Birth, Left, difference_since, writes_since
from .memory_watch.look_budget import READING_NEW
from .used_names import UsedNames

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from threading import RLock

    from ...core.records.path import AccessPath
    from ...core.records.reading import Reading
    from ...core.records.snapshots.snapshot import Snapshot
    from ..objects.walk_state import Branch
    from ..observer import Observation
    from ..tensors.serials import ObjectSerials, StorageSerials
    from .memory_watch.live_watch import LiveWatch
    from .past_memory import PastMemory

MAX_ITEMS = 256
"""What holds more objects than this is walked only when a statement binds it."""
MAX_ARRIVALS = 4096
"""How many of the last arrivals at paths are kept."""
_GROWING = (list, dict, set, deque)


class Names(NamedTuple):
    """The names that a statement binds or assigns to an item of, and those it only mentions."""

    bound: frozenset[str]
    mentioned: frozenset[str]


Since = Callable[..., frozenset[Position]]
NOTHING = Outline()


@mutable
class BornPaths:
    """The paths that the cell has bound so far.

    Attributes
    ----------
    names
        The user's names.
    names_of
        Returns the names of a statement.
    lock
        Held while a tensor gets a serial.
    before
        The snapshot at the start of the cell.
    missed
        The variables that were not looked at for lack of time.
    left
        What was written and then left by its path, the last for each path.
    arrivals
        What each path led to when a look found it to lead elsewhere, in order.
    assigns_gradients
        Whether the cell may make a tensor of its own a gradient; a backward makes one before anything shares it.
    told_late
        The storages of devices that were written, which devices tell of when the cell has ended.
    """

    names: Mapping[str, Any]
    names_of: Callable[[int], Names]
    objects: ObjectSerials
    storages: StorageSerials
    lock: RLock
    before: Snapshot
    assigns_gradients: bool = False
    births: dict[str, Birth] = field(default_factory=dict)
    missed: set[str] = field(default_factory=set)
    last: int = 0
    left: dict[str, Left] = field(default_factory=dict)
    arrivals: deque[Arrival] = field(default_factory=lambda: deque(maxlen=MAX_ARRIVALS))
    told_late: AbstractSet[int] = frozenset()
    _unread: dict[str, int] = field(default_factory=dict)
    _between: list[int] = field(default_factory=list)
    _parted: deque[tuple[AccessPath, Birth, int]] = field(default_factory=lambda: deque(maxlen=MAX_ARRIVALS))
    _gone: set[str] = field(default_factory=set)
    _sharing: dict[int, Birth] = field(default_factory=dict)
    _large: set[str] = field(default_factory=set)
    _known: dict[str, int] = field(default_factory=dict)
    _outlines: dict[str, list[tuple[int, Outline]]] = field(default_factory=dict)
    _used: UsedNames = field(init=False)

    def __post_init__(self) -> None:
        """Begin to follow what the names lead to."""
        self._used = UsedNames(self.names)

    @property
    def last_whole(self) -> int:
        """The last look that had read all: what no look has read was bound after it."""
        return min(self._unread.values(), default=self.last)

    def follow(self, watch: LiveWatch, writes: Sequence[SeenWrite], since: Since, number: int, seconds: float) -> None:
        """Record what was bound since the last look, and watch its memory.

        Parameters
        ----------
        writes
            What the looks saw so far.
        since
            Returns the positions since a look.
        seconds
            The time that may be spent.
        """
        self._between.append(number)
        positions, self.told_late = since(self.last), watch.device_watch.written
        found = self._candidates(positions, number)
        if found and not self.lock.acquire(blocking=False):
            return  # another cell has ended, and its look gives serials too
        try:
            gathered, rebound = self._read(found, since, number, seconds) if found else (None, ())
        finally:
            self.last = number
            if found:
                self.lock.release()
        for path, before, until in rebound:
            self._leave(path, before, writes, since, until)
            if before.reading.device != "cpu":
                self._parted.append((path, before, until))
        if gathered and gathered.readings:
            watch.take_in_born(gathered, self.storages.references(), number)

    def _read(
        self, found: Mapping[str, Any], since: Since, number: int, seconds: float
    ) -> tuple[Gathering, list[tuple[AccessPath, Birth, int]]]:
        """Read what is new; return it, and the paths that led elsewhere before, each with the look that ends that."""
        gathered = Gathering(self.objects, self.storages, {}, {})
        rebound: list[tuple[AccessPath, Birth, int]] = []
        usual = since(self.last)
        ran = {name: since(self._unread[name]) if name in self._unread else usual for name in found}
        ends = {name: self._end_of_reading(name, number) for name in found}
        with plain_reads():
            walked = walk(found, limits=Limits(seconds, objects=EXACT_OBJECTS))
            late = {name for name, one in walked.branches.items() if READING_NEW * len(one.objects) > seconds}
            self._note_unread(found, {name.partition("<")[0] for name in (*walked.resting, *late)})
            for name in walked.branches.keys() - late:
                add_parts(walked.branches[name])
            for name in [one for one in found if one not in walked.resting]:
                branch = walked.branches.get(name) or walked.branches.get("")  # tensors with names share one branch
                self._note_outline(name, branch.outline if branch else NOTHING, number, ran[name])
            for name, branch in walked.branches.items():
                if name not in late:
                    left = self._take(branch, gathered, ran, number)
                    rebound += ((path, before, ends[path.root]) for path, before in left)
        if walked.limits.objects - EXACT_OBJECTS > MAX_ITEMS or walked.count > MAX_ITEMS:
            self._large.update(found)
            self._unread.update((name, number) for name in found if name not in self._unread)
        return gathered, rebound

    def _end_of_reading(self, name: str, last: int) -> int:
        """Return the look until which a name is known to have led where it did, of those up to the last one."""
        return self._unread[name] + 1 if name in self._unread else last

    def _note_unread(self, found: Mapping[str, Any], late: AbstractSet[str]) -> None:
        """Note what there was no time to read; names of tensors themselves share one branch."""
        for name, value in found.items():
            if ("" if is_array(type(value)) else name) in late:
                self.missed.add(name)
                self._unread.setdefault(name, self.last)
            else:
                self._unread.pop(name, None)

    def _candidates(self, positions: frozenset[Position], number: int) -> dict[str, Any]:
        """Return the names that may lead to new tensors; note those that lead to none."""
        found: dict[str, Any] = {}
        for statement in {one.statement for one in positions}:
            bound, mentioned = self.names_of(statement)
            for name in sorted(bound):
                value = self.names.get(name)
                if is_array(type(value)) or opener(type(value)) is not None:
                    found[name] = value
                else:
                    self._note_outline(name, NOTHING, number, positions)
            used = self._used.of(statement, mentioned)
            for name in sorted(mentioned | used):
                value = self.names.get(name)
                if name not in found and name not in self._large and _may_grow(value):
                    found[name] = value
        return found

    def _note_outline(self, name: str, outline: Outline, number: int, positions: frozenset[Position]) -> None:
        """Note the paths that a name has at a look, if they are others than before."""
        known = self._outlines.setdefault(name, [])
        if not known or known[-1][1] != outline:
            before = _under(name, known[-1][1].paths()) if known else self._paths_before(name)
            gone = before - _under(name, outline.paths()) if before else before
            self.arrivals.extend(Arrival(path, None, number, positions) for path in gone)
            self._gone.update(gone)
            known.append((number, outline))

    def _paths_before(self, name: str) -> frozenset[str]:
        """Return the paths that a name had when the cell began."""
        if name in self.before.scenes:
            return _under(name, self.before.scenes[name].paths)
        return frozenset({name} if self.before.place_at_root(name) else ())

    def _take(
        self, branch: Branch, gathered: Gathering, ran: Mapping[str, frozenset[Position]], number: int
    ) -> Iterator[tuple[AccessPath, Birth]]:
        """Read the tensors of a branch that are new at their paths; yield those that led elsewhere before."""
        paths, roles = branch.outline.paths(), branch.outline.roles()
        numbers = self.objects.number(branch.objects)
        for path, thing, role, of_object in zip(paths, branch.objects, roles, numbers, strict=True):
            spelled = str(path)
            serial = self.storages.of_component(thing) if role == COMPONENT else of_object
            if is_ndarray(thing) and not self.objects.refers:
                continue  # it can be told from others by its id alone, which another may have next
            if self._object_at(spelled) != serial:
                before = self._last_at(spelled)
                positions = ran[path.root]
                gathered.add(thing, role, serial)
                self._known[spelled] = serial
                self.births[spelled] = Birth(gathered.readings[-1], number, positions)
                self._sharing.setdefault(gathered.readings[-1].storage, self.births[spelled])
                self._arrive(spelled, gathered.readings[-1], number, positions)
                if before is not None:
                    yield path, before
            elif spelled in self._gone and (known := self._last_at(spelled)) is not None:
                self._arrive(spelled, known.reading, number, ran[path.root])

    def _arrive(self, path: str, reading: Reading, number: int, positions: frozenset[Position]) -> None:
        self._gone.discard(path)
        self.arrivals.append(Arrival(path, reading, number, positions))

    def _last_at(self, path: str) -> Birth | None:
        """Return what a path led to before; None for nothing."""
        if path in self.births:
            return self.births[path]
        place = self.before.place_at_root(path)
        return Birth(place[0].readings[place[1]], 0, frozenset()) if place else None

    def _leave(self, path: AccessPath, first: Birth, writes: Sequence[SeenWrite], since: Since, until: int) -> None:
        """Keep what a path led to before, if that was written by another statement than bound the path anew."""
        its = [*writes_since(first, writes, self.told_late)]
        until = self._end_of(path, first.look, until) if its else until
        start = min((one.look for one in its if one.look < until and touches(one, first.reading)), default=None)
        if start is not None and (str(path) not in self.left or self.left[str(path)].until <= until):
            wrote = next((look for look in self._between if look >= start), until)  # by then that statement is over
            ran, later = (frozenset([one.statement for one in since(look, until)]) for look in (first.look, wrote))
            self.left[str(path)] = Left(path, first, until, ran, later)

    def _end_of(self, path: AccessPath, first: int, last: int) -> int:
        """Return the first look between two that did not find a path; the last if all did."""
        looks = (look for look, outline in self._outlines.get(path.root, ())
                 if first < look < last and path not in outline.paths())  # fmt: skip
        return next(looks, last)

    def _object_at(self, path: str) -> int | None:
        """Return the serial of what a path led to when it was last seen."""
        if path not in self._known:
            place = self.before.place_at_root(path)
            self._known[path] = place[0].readings[place[1]].object if place else 0
        return self._known[path]

    def conclude(self, observed: Observation, memory: PastMemory, last: int, since: Since) -> Iterator[Born]:
        """Compare what was bound with what it is when the cell has ended, by the look that saw it first.

        Parameters
        ----------
        last
            The number of the look after the cell.
        since
            Returns the positions since a look.
        """
        groups: dict[tuple[int, frozenset[Position]], list[DiffRow]] = {}
        after, known = observed.shot.snapshot, set[tuple[int, int]]()
        for path, birth in self.births.items():
            place = after.place_at_root(path)
            reading = place[0].readings[place[1]] if place else None
            if place and reading and reading.object == birth.reading.object and not self._was_there(path, reading):
                groups.setdefault((birth.look, birth.positions), []).append(DiffRow(*place, birth.reading, reading))
                known.add((id(place[0]), place[1]))
        rows = observed.found.rows
        late = [row for row in rows if row[3] is not None and (row[2] is None or row[2].object != row[3].object)]
        late = [row for row in late if (id(row.scene), row.place) not in known] if known else late
        asked = () if self.assigns_gradients or not self._sharing else late
        kept = [(row, first) for row in asked if (first := self._shared_since(row))]
        for row, first in kept:
            groups.setdefault((first.look, first.positions), []).append(row._replace(before=first.reading))
        told = {(row.scene, row.place) for row, _ in kept}
        fresh = [row for row in late if (row.scene, row.place) not in told] if told else late
        unseen = [make_row((scene, place, None, after)) for scene, place, _, after in fresh]
        for (look, positions), rows in groups.items():
            self._note_missed(positions, rows)
            ran = frozenset([one.statement for one in since(look)])
            yield Born(look=look, positions=positions, ran=ran, found=memory.differences(rows, look))
        if unseen:
            self._note_missed(since(self.last), unseen)
            found = memory.differences(unseen, last)
            yield Born(look=last, positions=since(self.last_whole), ran=frozenset(), found=found)

    def conclude_left(
        self, observed: Observation, writes: Sequence[SeenWrite], last: int, since: Since
    ) -> Iterator[Born]:
        """Yield what paths led to and was written, before they were bound to what they lead to now."""
        after, written = observed.shot.snapshot, {one.storage for one in writes}
        for path, first, until in self._parted if written else ():
            self._leave(path, first, writes, since, until)
        for spelled, birth in self.births.items() if written else ():
            place = after.place_at_root(spelled) if birth.reading.storage in written else None
            if place is not None and place[0].readings[place[1]].object != birth.reading.object:
                path = place[0].path_at(place[1])
                self._leave(path, birth, writes, since, self._end_of_reading(path.root, last))
        for row in observed.found.rows if written else ():
            if row.before is not None and row.before.storage in written and row.after is not None and _is_bound(row):
                path = row.scene.path_at(row.place)
                if str(path) not in self.births:
                    until = self._end_of_reading(path.root, last)
                    self._leave(path, Birth(row.before, 0, frozenset()), writes, since, until)
        for path, first, until, ran, later in self.left.values():
            found = (difference_since(path, first, after), Content.of(changed=True, verified=True))
            yield Born(look=first.look, positions=first.positions, ran=ran, found=(found,), until=until, later=later)

    def _note_missed(self, positions: frozenset[Position], rows: Iterable[DiffRow]) -> None:
        """Note the variables that statements may have changed before the look that saw them first."""
        if len({one.statement for one in positions}) > 1:
            paths = (row.scene.path_at(row.place) for row in rows)
            self.missed.update(one.root for one in paths if not one.is_grad)

    def _shared_since(self, row: DiffRow) -> Birth | None:
        """Return a gradient as it was when something was first seen to share its memory; None for other paths."""
        first = self._sharing.get(row.after.storage) if row.after is not None else None
        if first is None or row.after is None or not row.scene.path_at(row.place).is_grad:
            return None
        return first._replace(reading=row.after._replace(version=first.reading.version))

    def _was_there(self, path: str, reading: Reading) -> bool:
        """Return whether a path led to the same tensor before the cell."""
        place = self.before.place_at_root(path)
        return place is not None and place[0].readings[place[1]].object == reading.object


def _under(name: str, paths: Iterable[AccessPath]) -> frozenset[str]:
    """Return the paths of one name, spelled: tensors with names share one outline."""
    return frozenset(str(path) for path in paths if path.root == name)


def _is_bound(row: DiffRow) -> bool:
    """Return whether a path leads to another tensor than before the cell."""
    return row.after is not None and (row.before is None or row.before.object != row.after.object)


def _may_grow(value: object) -> bool:
    """Return whether an object is a container that a statement may have put tensors into."""
    kind = type(value)
    for base in _GROWING:
        if is_a(kind, base):
            return base.__len__(value) <= MAX_ITEMS  # type: ignore[arg-type]
    return not is_array(kind) and quick_reader(kind) is not None
