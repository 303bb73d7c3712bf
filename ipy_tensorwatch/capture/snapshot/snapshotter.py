"""Take a snapshot of a namespace, at the price of a few attribute reads for what has not changed."""

from __future__ import annotations

import math
import re
from collections import deque
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from time import thread_time
from typing import TYPE_CHECKING

from ...core.model.reason import BUDGET, Reason
from ...core.model.snapshot import Scene, Snapshot
from ..host.gc_pause import quiet_collector
from ..host.node_limit import MAX_NODES
from ..host.torch_private import plain_reads
from ..objects.branch import Branch, Tree
from ..objects.inspect_object import let_go_of_classes, same_things
from ..objects.look_limits import EXACT_OBJECTS, EXACT_TENSORS, SEGMENT, Limits
from ..objects.walk import Walk, reason_of, take_segment, walk
from ..tensors.plain_reads import is_ndarray, is_plain
from ..tensors.read_tensor import bearer_of, is_laid_out_as
from ..tensors.serials import ObjectSerials, StorageSerials
from .change_check import Facts, complete
from .readings import MAX_COUNTERS, Gathering, join_blocks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import torch

    from ...core.model.reading import Reading
    from ..memory.byte_block import Block
    from ..objects.optimizer_state import Drawn
    from ..tensors.version_counter import Counter

    Computed = tuple[str, torch.Tensor]

PEEKING = 0.005
"""Seconds that a look while a cell runs may spend on more than an ordinary number of things."""
WAITS = Reason("held-no-tensor")
MAX_DRAWN = 64
"""Of how many optimizers the outline is remembered, those that are gone included."""
FEW = 16
"""Of one in so many tensors that are read anew, the others need not be known."""
LAYOUT_TIME = 1e-6
"""Seconds that it takes to compare the layout of one tensor."""


@dataclass(slots=True)
class _Kept:
    """What is kept of one branch from hook to hook: no live object, only what tells that nothing changed."""

    facts: Facts
    scene: Scene
    blocks: dict[int, Block]
    counters: tuple[Counter, ...]
    tree: Tree | None


@dataclass(frozen=True, eq=False)
class Shot:
    """A snapshot with what it takes to look at the bytes behind it.

    Attributes
    ----------
    counters
        The version counters of the tensors that lie in large storages.
    optimizers
        The paths of optimizers, each with its address.
    resting
        The blocks of what it was not the turn of; they are not looked at, and not forgotten.
    late
        The scenes that were first read now, though what they show was there before.
    """

    snapshot: Snapshot
    blocks: Mapping[int, Block]
    counters: tuple[Counter, ...] = ()
    skipped: tuple[tuple[str, Reason], ...] = ()
    optimizers: tuple[tuple[str, int], ...] = ()
    resting: tuple[Mapping[int, Block], ...] = ()
    late: Mapping[str, Scene] = field(default_factory=dict)

    @cached_property
    def nbytes(self) -> int:
        """The number of bytes under watch."""
        return sum(block.nbytes for block in self.blocks.values())


@dataclass(slots=True)
class Lens:
    """Takes snapshots; what hangs on a name and has not changed is carried over from the last one.

    Attributes
    ----------
    spent
        The CPU seconds that the last look took for more than an ordinary number of things.
    """

    objects: ObjectSerials = field(default_factory=ObjectSerials)
    storages: StorageSerials = field(default_factory=StorageSerials)
    spent: float = 0.0
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _shot: Shot | None = None
    _turns: dict[str, int] = field(default_factory=dict)
    _unread: frozenset[str] = frozenset()
    _barren: set[str] = field(default_factory=set)
    _cut: set[str] = field(default_factory=set)
    _looks: int = 0
    _joined: tuple[list[dict[int, Block]], Mapping[int, Block]] = field(default_factory=lambda: ([], {}))
    _has_others: bool = True
    _drawn: dict[int, Drawn] = field(default_factory=dict)

    def take(
        self,
        namespace: Mapping[str, object],
        patience: float = 0.0,
        computed: list[Computed] | None = None,
        seconds: float = math.inf,
    ) -> Shot:
        """Take a snapshot; nothing live outlasts the call, but for what is put into `computed`.

        Parameters
        ----------
        namespace
            The user's names.
        patience
            Seconds for which layouts too may be compared.
        computed
            Takes the tensors that have a history, with their paths.
        seconds
            The CPU time that may be spent on more than an ordinary number of things.
        """
        with plain_reads(), quiet_collector():
            found, kept, resting = self._walk(namespace, patience, self._limits(seconds))
            if computed is not None:
                computed.extend(_computed(found, kept))
            is_same = all(kept[name] is self._kept.get(name) for name in kept) and len(kept) == len(self._kept)
            if self._shot and is_same and not (resting or self._shot.resting or self._unread):
                return self._shot
            self._forget(found, kept, resting)
            blocks = self._join_blocks({name: one for name, one in kept.items() if name not in resting})
        late = {name: kept[name].scene for name in self._unread if name in kept and name not in self._kept}
        snapshot = self._shot.snapshot if self._shot and is_same else _picture(kept)
        reached = {*kept, *(one.key for one in found.segments)}.difference(resting)
        self._pass_turns(kept, reached, resting)
        seen = {name: one for name, one in kept.items() if name not in resting}
        self._shot = Shot(
            snapshot,
            blocks,
            tuple(counter for one in seen.values() for counter in one.counters),
            tuple(dict.fromkeys(found.skipped)),
            tuple((str(branch.outline.node_path(node)), id(one)) for branch, node, one in found.optimizers),
            tuple(kept[name].blocks for name in resting if name in kept),
            late,
        )
        return self._shot

    def _join_blocks(self, seen: Mapping[str, _Kept]) -> Mapping[int, Block]:
        """Add up the blocks of all branches; the same mapping as at the last look where no branch has others."""
        parts = [one.blocks for one in seen.values()]
        if not same_things(parts, self._joined[0]):
            self._joined = parts, parts[0] if len(parts) == 1 else join_blocks(parts)
        return self._joined[1]

    def _forget(self, found: Walk, kept: Mapping[str, _Kept], resting: Collection[str]) -> None:
        """Forget what is gone; what rests is not at hand, and is forgotten when there is much of it."""
        if not resting:
            if self._has_others or kept.keys() != self._kept.keys():
                self.objects.keep_only([thing for branch in found.branches.values() for thing in branch.objects])
            self._has_others = False
            self.storages.lost.clear()
            return
        held = [kept[name] for name in resting if name in kept]
        count = sum(len(one.scene.readings) for one in kept.values())
        if self.objects.count > 2 * count + EXACT_TENSORS:
            self.objects.keep_serials({reading.object for one in kept.values() for reading in one.scene.readings})
        lost = self.storages.lost
        lost.intersection_update([storage for storage in lost if any(storage in one.blocks for one in held)])

    def _pass_turns(self, kept: dict[str, _Kept], reached: Collection[str], resting: Collection[str]) -> None:
        """Note what was reached and what was not, which comes first the next time."""
        self._kept, self._looks = kept, self._looks + 1
        self._unread = frozenset(name for name in resting if name not in kept)
        if resting:
            turns = {name: self._turns.get(name, -1) for name in resting}
            self._turns = turns | dict.fromkeys(reached, self._looks)
        else:
            self._turns = {}
            self._barren.clear()

    def peek(self, namespace: Mapping[str, object]) -> Shot:
        """Take a snapshot while a cell runs; the next one is compared with the last that was taken, not with this."""
        with plain_reads(), quiet_collector():
            _, kept, resting = self._walk(namespace, math.inf, self._limits(PEEKING))
        seen = (one.blocks for name, one in kept.items() if name not in resting)
        return Shot(_picture(kept), join_blocks(seen))

    def _limits(self, seconds: float) -> Limits:
        return Limits(seconds, self._turns, self._cut, self._kept.keys())

    @property
    def has_unread(self) -> bool:
        """Whether there are tensors, or may be, that were never read."""
        return bool(self._unread - self._barren)

    def release_arrays(self) -> None:
        """Let go of every weak reference to an array, before code that may resize one."""
        self.objects.release_arrays()
        self.storages.release_arrays()

    def _walk(
        self, namespace: Mapping[str, object], patience: float, limits: Limits
    ) -> tuple[Walk, dict[str, _Kept], set[str]]:
        """Walk and read; what it is not the turn of stays as it was read last."""
        found, kept = walk(namespace, self._tree, limits, self._drawn), dict[str, _Kept]()
        if len(self._drawn) > MAX_DRAWN:
            self._drawn.clear()
        if self._cut and not found.resting:
            self._cut.intersection_update({str(one.path) for one in found.segments if not one.start})
        resting = {*found.resting}
        is_exact = found.count <= EXACT_TENSORS
        order = found.branches if is_exact else sorted(found.branches, key=lambda name: _rank(found, name, limits))
        for number, name in enumerate(list(order)):
            if is_exact or not number or not limits.is_late or limits.may_read(len(found.branches[name].objects)):
                self._read(found, name, kept, patience)
            else:
                resting.add(name)
        resting |= self._read_segments(found, kept, patience)
        kept.update((name, self._kept[name]) for name in resting if name in self._kept)
        found.skipped += [(name.partition("<")[0], WAITS if name in self._barren else BUDGET) for name in resting]
        places = {name: place for place, name in enumerate(("", *namespace))} if resting or limits.turns else {}
        return found, dict(sorted(kept.items(), key=lambda one: _place(one[0], places))) if places else kept, resting

    def _read_segments(self, found: Walk, kept: dict[str, _Kept], patience: float) -> set[str]:
        """Read the segments of huge containers, one at least, until the time is up; return the others."""
        limits, start = found.limits, thread_time()
        is_exact = sum(one.size for one in found.segments) <= EXACT_OBJECTS and found.count <= EXACT_TENSORS
        waiting = deque(sorted(found.segments, key=lambda one: limits.last_turn(one.key)))
        for number in range(len(waiting)):
            if number and limits.is_late and not is_exact:
                break
            segment = waiting.popleft()
            branch = take_segment(found, segment)
            if not branch.objects:
                self._barren.add(segment.key)
            else:
                self._barren.discard(segment.key)
                found.branches[segment.key] = branch
                self._read(found, segment.key, kept, patience)
        let_go_of_classes()
        self.spent = 0.0 if is_exact else thread_time() - start
        return {one.key for one in waiting}

    def _read(self, found: Walk, name: str, kept: dict[str, _Kept], patience: float) -> None:
        branch = found.branches[name]
        try:
            kept[name] = self._keep(name, branch, patience)
        except Exception as error:  # noqa: BLE001  (an odd branch must be listed, never cost the others)
            found.skipped.append((name or "the variables", reason_of(error)))
        found.limits.tensors += len(branch.objects)

    def _tree(self, name: str) -> Tree | None:
        kept = self._kept.get(name)
        return kept.tree if kept else None

    def _keep(self, name: str, branch: Branch, patience: float) -> _Kept:
        tree = Tree(branch.signature, branch.outline.copy(), branch.spelled) if branch.signature else None
        old = self._kept.get(name)
        facts = complete(branch, old.facts if old else None)
        hurried = LAYOUT_TIME * len(branch.objects) > patience
        if old and self._is_same(old, branch, facts) and (hurried or _has_same_layouts(old, branch)):
            return old
        if old and facts.all_torch and old.facts.all_torch and old.scene.outline == branch.outline:
            return self._read_rows(old, branch, facts, tree, hurried=hurried)
        return self._read_all(old, branch, facts, tree)

    def _is_same(self, old: _Kept, branch: Branch, facts: Facts) -> bool:
        """Tell whether a branch may be carried over; new memory may lie where memory that is gone lay."""
        if not old.facts.same_as(facts) or old.scene.outline != branch.outline:
            return False
        if not self.storages.lost.isdisjoint(old.blocks):
            return False
        return facts.all_torch or self._same_arrays(old, branch)

    def _same_arrays(self, old: _Kept, branch: Branch) -> bool:
        serials = self.objects.number(branch.objects)
        return serials == [reading.object for reading in old.scene.readings]

    def _read_all(self, old: _Kept | None, branch: Branch, facts: Facts, tree: Tree | None) -> _Kept:
        """Read a branch as a whole."""
        self._has_others = True
        known = self._known(old.scene.readings, old.blocks) if old else ({}, {})
        found = Gathering(self.storages, *known, nodes_left=self._nodes_left(old))
        serials = self.objects.number(branch.objects)
        for thing, role, serial in zip(branch.objects, branch.outline.roles(), serials, strict=True):
            found.add(thing, role, serial)
        is_alike = old is not None and old.scene.outline == branch.outline
        scene = old.scene.with_readings(found.readings) if old and is_alike else None
        scene = scene or Scene(outline=branch.outline, readings=tuple(found.readings))
        return _Kept(facts, scene, found.blocks, tuple(found.counters), tree)

    def _read_rows(self, old: _Kept, branch: Branch, facts: Facts, tree: Tree | None, *, hurried: bool) -> _Kept:
        """Read a branch of the same paths: of what lies where it lay the versions, and what is new there."""
        versions, others = self._rows_to_read(old, branch, facts, hurried=hurried)
        readings = [*old.scene.readings]
        for row, version in versions:
            readings[row] = readings[row].at_version(version)
        counters = _at_version(old.counters, [readings[row] for row, _ in versions])
        if not others:
            return _Kept(facts, old.scene.with_readings(readings, same_memory=True), old.blocks, counters, tree)
        self._has_others = True
        whole = old.scene.readings if len(others) * FEW > len(readings) else [readings[row] for row in others]
        found = Gathering(self.storages, *self._known(whole, old.blocks), nodes_left=self._nodes_left(old))
        things, roles = [branch.objects[row] for row in others], branch.outline.roles()
        for row, thing, serial in zip(others, things, self.objects.number(things), strict=True):
            found.add(thing, roles[row], serial, readings[row])
        before = {readings[row].storage for row in others}
        for row, reading in zip(others, found.readings, strict=True):
            readings[row] = reading
        read = {reading.object for reading in found.readings}
        held = {reading.object for reading in readings} - read
        counters = (*(one for one in counters if one.object in held), *found.counters)[:MAX_COUNTERS]
        gone = before.difference([reading.storage for reading in readings])
        gone.update(one for one, block in found.blocks.items() if _has_moved(old.blocks.get(one), block))
        blocks = {one: block for one, block in old.blocks.items() if one not in gone}
        return _Kept(facts, old.scene.with_readings(readings), join_blocks([blocks, found.blocks]), counters, tree)

    def _rows_to_read(
        self, old: _Kept, branch: Branch, facts: Facts, *, hurried: bool
    ) -> tuple[list[tuple[int, int]], list[int]]:
        """Tell which tensors have another version alone, and that, and of which more is to be read."""
        versions: list[tuple[int, int]] = []
        others: list[int] = []
        start, lost = 0, self.storages.lost
        for known, chunk in zip(old.facts.chunks, facts.chunks, strict=True):
            stop = start + len(chunk.tokens)
            last, things = old.scene.readings[start:stop], branch.objects[start:stop]
            if known is not chunk or not hurried:
                written, other = chunk.compare(known, last, things, hurried=hurried)
                versions += [(start + row, version) for row, version in written]
                others += [start + row for row in other]
            if lost:
                others += [start + row for row, one in enumerate(last) if one.storage in lost]
            start = stop
        if lost:
            others = sorted({*others})
            versions = [one for one in versions if one[0] not in {*others}]
        return versions, others

    def _nodes_left(self, old: _Kept | None) -> int:
        """Tell how many tensors of a branch may be asked for their nodes, beside those of all others."""
        return MAX_NODES - sum(len(one.scene.with_history) for one in self._kept.values() if one is not old)

    def _known(
        self, readings: Sequence[Reading], blocks: Mapping[int, Block]
    ) -> tuple[Mapping[int, Reading], Mapping[int, Block]]:
        """Give the last readings and blocks, but for memory that is gone: where it lay, new memory may lie."""
        lost = self.storages.lost
        known = {reading.object: reading for reading in readings if reading.storage not in lost}
        return known, {storage: block for storage, block in blocks.items() if storage not in lost} if lost else blocks


def _has_same_layouts(old: _Kept, branch: Branch) -> bool:
    """Tell whether every tensor still lies as it was read; what else can change is in the facts."""
    return all(
        reading.unknown or is_ndarray(thing) or is_laid_out_as(thing, reading)
        for thing, reading in zip(branch.objects, old.scene.readings, strict=True)
    )


def _at_version(counters: tuple[Counter, ...], readings: list[Reading]) -> tuple[Counter, ...]:
    """Bring the counters up to date of tensors that have another version."""
    written = {reading.object: reading.version for reading in readings} if counters else {}
    return tuple(one.since(version) if (version := written.get(one.object)) else one for one in counters)


def _has_moved(known: Block | None, block: Block) -> bool:
    return known is not None and known.start != block.start


def _rank(found: Walk, name: str, limits: Limits) -> tuple[bool, bool, int]:
    """Put the variables first, then what is small, then what was not reached longest."""
    return name != "", len(found.branches[name].objects) > SEGMENT, limits.last_turn(name)


def _place(key: str, places: Mapping[str, int]) -> int:
    """Order branches and segments as their names are."""
    return places.get(key, places.get(_root(key), len(places)))


@lru_cache(maxsize=1 << 13)
def _root(key: str) -> str:
    return re.split(r"[<.\[(]", key, maxsplit=1)[0]


def _picture(kept: Mapping[str, _Kept]) -> Snapshot:
    return Snapshot(scenes={name: one.scene for name, one in kept.items()})


def _computed(found: Walk, kept: Mapping[str, _Kept]) -> Iterator[Computed]:
    """Give the tensors that have a history, or those that bear it for them, with their paths."""
    for name, one in kept.items():
        for place in one.scene.with_history if name in found.branches else ():
            tensor = found.branches[name].objects[place]
            if is_plain(tensor):
                yield str(one.scene.paths[place]), bearer_of(tensor)
