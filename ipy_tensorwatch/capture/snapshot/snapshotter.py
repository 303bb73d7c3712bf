"""Take a snapshot of a namespace, at the cost of a few attribute reads for unchanged parts."""

from __future__ import annotations

import math
import re
from collections import deque
from functools import cached_property, lru_cache
from time import thread_time
from typing import TYPE_CHECKING

from ...core.records.reason import BUDGET, Reason
from ...core.records.snapshots.snapshot import RootSnapshot, Snapshot
from ...core.records.trace.evidence import OptimizerHolding
from ...core.runtime.record import field, mutable, record
from ..objects.inspect_object import let_go_of_classes, same_things
from ..objects.look_limits import EXACT_OBJECTS, EXACT_TENSORS, SEGMENT, Limits
from ..objects.walk import reason_of, take_segment, walk
from ..objects.walk_state import Walk
from ..runtime.gc_pause import quiet_collector
from ..runtime.torch_private import plain_reads
from ..tensors.plain_reads import is_plain
from ..tensors.read_tensor import bearer_of
from ..tensors.serials import ObjectSerials, StorageSerials
from .branch_reader import BranchReader, KnownBranch
from .readings import join_blocks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import torch

    from ...core.records.snapshots.ways import Way
    from ..device.device_block import DeviceBlock
    from ..memory.byte_block import Block
    from ..objects.record_levels import LevelOutline
    from ..objects.walk_state import StateOutline, Tree
    from ..tensors.version_counter import VersionCounter


PEEKING = 0.005
"""Seconds that a look while a cell runs may spend beyond an ordinary number of objects."""
WAITS = Reason("held-no-tensor")
EVERY = 32
"""In one of so many looks a large variable without tensors is searched although no cell names it."""
MAX_DRAWN = 64
"""The maximum number of optimizers with a remembered outline, dead ones included."""


@record(kw_only=False, eq=False, slots=False)
class Shot:
    """A snapshot, and what is needed to read its bytes.

    Attributes
    ----------
    counters
        The version counters of the tensors in large storages.
    optimizers
        The paths of optimizers, each with its address.
    resting
        The blocks of branches left for a later look; they are neither read nor forgotten.
    late
        The scenes that were first read now, although their tensors existed before.
    on_devices
        The storages in the memory of devices.
    """

    snapshot: Snapshot
    blocks: Mapping[int, Block]
    counters: tuple[VersionCounter, ...] = ()
    skipped: tuple[tuple[str, Reason], ...] = ()
    optimizers: tuple[tuple[str, int], ...] = ()
    resting: tuple[Mapping[int, Block], ...] = ()
    late: Mapping[str, RootSnapshot] = field(default_factory=dict)
    on_devices: Mapping[int, DeviceBlock] = field(default_factory=dict)

    @cached_property
    def nbytes(self) -> int:
        """The number of watched bytes."""
        return sum(block.nbytes for blocks in (self.blocks, self.on_devices) for block in blocks.values())


class Roots:
    """The non-leaf tensors with their paths, found on demand; it must not outlive a hook."""

    def __init__(self) -> None:
        self._walked: tuple[Walk, Mapping[str, KnownBranch]] = Walk(), {}

    def put(self, found: Walk, kept: Mapping[str, KnownBranch]) -> None:
        """Set the walk and branches to search."""
        self._walked = found, kept

    def __iter__(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield each path with its tensor, or with the base that holds the tensor's history."""
        found, kept = self._walked
        for name, one in kept.items():
            for place in one.scene.with_history if name in found.branches else ():
                tensor = found.branches[name].objects[place]
                if is_plain(tensor):
                    yield str(one.scene.paths[place]), bearer_of(tensor)


@mutable
class Snapshotter:
    """Takes snapshots; unchanged branches are carried over from the last one.

    Attributes
    ----------
    spent
        The CPU seconds that the last look spent beyond an ordinary number of objects.
    words
        The words of the running cell, and of the notebook's code that it leads to: what they name is always looked at.
    """

    objects: ObjectSerials = field(default_factory=ObjectSerials)
    storages: StorageSerials = field(default_factory=StorageSerials)
    spent: float = 0.0
    words: Collection[str] = ()
    _kept: dict[str, KnownBranch] = field(default_factory=dict)
    _shot: Shot | None = None
    _turns: dict[str, int] = field(default_factory=dict)
    _unread: frozenset[str] = frozenset()
    _barren: set[str] = field(default_factory=set)
    _large: dict[str, tuple[int, int]] = field(default_factory=dict)
    _idle: frozenset[str] = frozenset()
    _cut: set[str] = field(default_factory=set)
    _looks: int = 0
    _taken: int = 0
    _joined: tuple[list[dict[int, Block]], Mapping[int, Block]] = field(default_factory=lambda: ([], {}))
    _reader: BranchReader = field(init=False)
    _drawn: dict[int, StateOutline] = field(default_factory=dict)
    _levels: Mapping[tuple[str, int], LevelOutline] = field(default_factory=dict)
    _held: tuple[tuple[str, tuple[int, ...]], ...] = ()
    _holdings: tuple[object, tuple[OptimizerHolding, ...]] = (None, ())
    _routes: list[tuple[str, int, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make branches read with its own serials."""
        self._reader = BranchReader(self.objects, self.storages)

    def take(
        self,
        namespace: Mapping[str, object],
        patience: float = 0.0,
        computed: Roots | None = None,
        seconds: float = math.inf,
    ) -> Shot:
        """Take a snapshot; no live object outlasts the call, except in `computed`.

        Parameters
        ----------
        namespace
            The user's names.
        patience
            Seconds for comparing layouts too.
        computed
            Receives the non-leaf tensors, with their paths.
        seconds
            The CPU seconds that may be spent beyond an ordinary number of objects.
        """
        self._hold_arrays()
        with plain_reads(), quiet_collector():
            self._taken += 1
            limits, idle = self._limits(seconds, namespace), self._idle
            found, kept, resting = self._walk(namespace, patience, limits)
            self._idle = frozenset(limits.idle)
            self._large = {name: self._large[name] for name in self._idle}
            self._large |= {name: (number, self._taken + EVERY) for name, number in found.large.items()}
            self._held = tuple(
                (str(branch.outline.node_path(node)), held)
                for (branch, node, _), held in zip(found.optimizers, found.parameters, strict=False)
            )
            if computed is not None:
                computed.put(found, {name: one for name, one in kept.items() if name not in resting})
            is_same = all(kept[name] is self._kept.get(name) for name in kept) and len(kept) == len(self._kept)
            routes = found.routes
            is_same = is_same and routes == self._routes and idle == self._idle
            skipped = tuple(dict.fromkeys(found.skipped))
            if (
                self._shot
                and is_same
                and skipped == self._shot.skipped
                and not (resting or self._shot.resting or self._unread)
            ):
                return self._shot
            self._forget(found, kept, resting)
            blocks = self._join_blocks({name: one for name, one in kept.items() if name not in resting})
        late = {name: kept[name].scene for name in self._unread | idle if name in kept and name not in self._kept}
        snapshot = self._shot.snapshot if self._shot and is_same else _picture(kept, found.ways())
        self._routes = routes
        reached = {*kept, *(one.key for one in found.segments)}.difference(resting)
        self._pass_turns(kept, reached, resting)
        seen = {name: one for name, one in kept.items() if name not in resting}
        last, self._shot = (
            self._shot,
            Shot(
                snapshot,
                blocks,
                tuple(counter for one in seen.values() for counter in one.counters),
                skipped,
                tuple((str(branch.outline.node_path(node)), id(one)) for branch, node, one in found.optimizers),
                tuple(kept[name].blocks for name in resting if name in kept),
                late,
                {storage: block for one in seen.values() for storage, block in one.on_devices.items()},
            ),
        )
        if last is not None and last.blocks is blocks and not (last.on_devices or self._shot.on_devices):
            vars(self._shot)["nbytes"] = last.nbytes
        return self._shot

    def _join_blocks(self, seen: Mapping[str, KnownBranch]) -> Mapping[int, Block]:
        """Merge the blocks of all branches; return the last mapping if no branch changed its blocks."""
        parts = [one.blocks for one in seen.values()]
        if not same_things(parts, self._joined[0]):
            self._joined = parts, parts[0] if len(parts) == 1 else join_blocks(parts)
        return self._joined[1]

    def _forget(self, found: Walk, kept: Mapping[str, KnownBranch], resting: Collection[str]) -> None:
        """Forget what is gone; resting branches are kept, unless there are many."""
        if not resting:
            if self._reader.has_new or kept.keys() != self._kept.keys():
                self.objects.keep_only([thing for branch in found.branches.values() for thing in branch.objects])
            self._reader.has_new = False
            self.storages.lost.clear()
            return
        held = [kept[name] for name in resting if name in kept]
        count = sum(len(one.scene.readings) for one in kept.values())
        if self.objects.count > 2 * count + EXACT_TENSORS:
            self.objects.keep_serials({reading.object for one in kept.values() for reading in one.scene.readings})
        lost = self.storages.lost
        lost.intersection_update([storage for storage in lost if any(storage in one.blocks for one in held)])

    def _pass_turns(self, kept: dict[str, KnownBranch], reached: Collection[str], resting: Collection[str]) -> None:
        """Record what was reached; what was not comes first next time."""
        self._kept, self._looks = kept, self._looks + 1
        self._unread = frozenset(name for name in resting if name not in kept)
        if resting:
            turns = {name: self._turns.get(name, -1) for name in resting}
            self._turns = turns | dict.fromkeys(reached, self._looks)
        else:
            self._turns = {}

    def peek(self, namespace: Mapping[str, object]) -> Shot:
        """Take a snapshot while a cell runs; later ones are not compared with it."""
        with plain_reads(), quiet_collector():
            _, kept, resting = self._walk(namespace, math.inf, self._limits(PEEKING, namespace))
        seen = (one.blocks for name, one in kept.items() if name not in resting)
        there = {storage: block for one in kept.values() for storage, block in one.on_devices.items()}
        return Shot(_picture(kept), join_blocks(seen), on_devices=there)

    def _limits(self, seconds: float, namespace: Mapping[str, object]) -> Limits:
        known = ((name, *one) for name, one in self._large.items() if name not in self.words)
        idle = {name for name, number, due in known if number == id(namespace.get(name)) and self._taken < due}
        return Limits(seconds, self._turns, self._cut, self._kept.keys(), idle)

    @property
    def has_large(self) -> bool:
        """Whether there are large variables without tensors."""
        return bool(self._large or self._barren)

    @property
    def devices(self) -> set[str]:
        """The devices of the tensors that the last look saw, without the host."""
        return {one.device for one in self._shot.on_devices.values()} if self._shot else set()

    @property
    def has_unread(self) -> bool:
        """Whether there may be tensors that were never read."""
        return bool(self._unread - self._barren)

    def holdings(self) -> tuple[OptimizerHolding, ...]:
        """Return what each optimizer held at the last look."""
        seen = self._shot, self._held
        if self._holdings[0] != seen:
            known = self.objects.of_ids
            told = (OptimizerHolding(path=path, parameters=known(held)) for path, held in self._held)
            self._holdings = seen, tuple(told)
        return self._holdings[1]

    def release_arrays(self) -> None:
        """Drop every weak reference to an array until the next look, before code that may resize one."""
        if self.objects.refers:
            self.objects.release_arrays()
            self.storages.release_arrays()

    def _hold_arrays(self) -> None:
        self.objects.hold_arrays()
        self.storages.hold_arrays()

    def _walk(
        self, namespace: Mapping[str, object], patience: float, limits: Limits
    ) -> tuple[Walk, dict[str, KnownBranch], set[str]]:
        """Walk and read; branches whose turn it is not keep their last reading."""
        found = walk(namespace, self._tree, limits, self._drawn, self._levels)
        kept = dict[str, KnownBranch]()
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
        self._levels = found.levels
        kept.update((name, self._kept[name]) for name in resting if name in self._kept)
        found.skipped += [(name.partition("<")[0], WAITS if name in self._barren else BUDGET) for name in resting]
        found.skipped += [(name, WAITS) for name in limits.idle]
        places = {name: place for place, name in enumerate(("", *namespace))} if resting or limits.turns else {}
        return found, dict(sorted(kept.items(), key=lambda one: _place(one[0], places))) if places else kept, resting

    def _read_segments(self, found: Walk, kept: dict[str, KnownBranch], patience: float) -> set[str]:
        """Read at least one segment of a huge container, then more until the deadline; return the others."""
        limits, start = found.limits, thread_time()
        self._barren.intersection_update([one.key for one in found.segments])
        idle = {one.key for one in found.segments if one.key in self._barren and one.path.root not in self.words}
        size = sum(one.size for one in found.segments if one.key not in idle)
        is_exact = size <= EXACT_OBJECTS and found.count <= EXACT_TENSORS
        waiting = deque(sorted(found.segments, key=lambda one: (one.key in idle, limits.last_turn(one.key))))
        unfinished = set[str]()
        for number in range(len(waiting)):
            if number and limits.is_late and not (is_exact and waiting[0].key not in idle):
                break
            segment = waiting.popleft()
            branch = take_segment(found, segment)
            if branch.is_cut and (number or not branch.objects):
                unfinished.add(segment.key)
            elif not branch.objects:
                self._barren.add(segment.key)
            else:
                self._barren.discard(segment.key)
                found.branches[segment.key] = branch
                self._read(found, segment.key, kept, patience)
        let_go_of_classes()
        self.spent = 0.0 if is_exact else thread_time() - start
        return unfinished.union(one.key for one in waiting)

    def _read(self, found: Walk, name: str, kept: dict[str, KnownBranch], patience: float) -> None:
        branch = found.branches[name]
        try:
            kept[name] = self._reader.read(self._kept.get(name), branch, patience)
        except Exception as error:  # noqa: BLE001  (an odd branch is listed, and must not hide the others)
            found.skipped.append((name or "the variables", reason_of(error)))
        found.limits.tensors += len(branch.objects)

    def _tree(self, name: str) -> Tree | None:
        kept = self._kept.get(name)
        return kept.tree if kept else None


def _rank(found: Walk, name: str, limits: Limits) -> tuple[bool, bool, int]:
    """Sort key: variables first, then small objects, then those not reached for longest."""
    return name != "", len(found.branches[name].objects) > SEGMENT, limits.last_turn(name)


def _place(key: str, places: Mapping[str, int]) -> int:
    """Sort key: the order of names for branches and segments."""
    return places.get(key, places.get(_root(key), len(places)))


@lru_cache(maxsize=1 << 13)
def _root(key: str) -> str:
    return re.split(r"[<.\[(]", key, maxsplit=1)[0]


def _picture(kept: Mapping[str, KnownBranch], ways: tuple[Way, ...] = ()) -> Snapshot:
    return Snapshot(scenes={name: one.scene for name, one in kept.items()}, several_ways=ways)
