"""Read a branch, or only the part that may have changed since the last look."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ...core.records.reading import Reading, at_versions
from ...core.records.snapshots.snapshot import RootSnapshot
from ...core.runtime.record import mutable
from ..objects.walk_state import Tree
from ..tensors.plain_reads import is_ndarray
from ..tensors.read_tensor import are_laid_out_as, is_laid_out_as
from .change_check import complete
from .readings import MAX_COUNTERS, Gathering, join_blocks
from .unchanged_readings import unchanged_readings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..device.device_block import DeviceBlock
    from ..memory.byte_block import Block
    from ..objects.walk_state import Branch
    from ..tensors.serials import ObjectSerials, StorageSerials
    from ..tensors.version_counter import VersionCounter
    from .change_check import BranchFacts

FEW = 16
"""If at most one in so many tensors is read again, the others need not be known."""
LAYOUT_TIME = 1e-6
"""The cost of comparing the layout of one tensor, in seconds."""


@mutable
class KnownBranch:
    """What is kept of one branch between hooks: no live object, only the facts that detect changes."""

    facts: BranchFacts
    scene: RootSnapshot
    blocks: dict[int, Block]
    counters: tuple[VersionCounter, ...]
    on_devices: dict[int, DeviceBlock]
    tree: Tree | None = None


@mutable
class BranchReader:
    """Reads one branch at a time.

    Attributes
    ----------
    has_new
        Whether objects were found that the last look did not have.
    """

    objects: ObjectSerials
    storages: StorageSerials
    has_new: bool = True

    def read(self, old: KnownBranch | None, branch: Branch, patience: float) -> KnownBranch:
        """Read a branch; the same object as at the last look if nothing differs.

        Parameters
        ----------
        old
            The branch at the last look.
        patience
            Seconds for comparing layouts too.
        """
        if old and self.objects.has_room_again() and old.scene.has_unasked:
            old = None
        tree = Tree(branch.signature, branch.outline.copy(), branch.spelled) if branch.signature else None
        facts = complete(branch, old.facts if old else None)
        hurried = LAYOUT_TIME * len(branch.objects) > patience
        if old and self._is_same(old, branch, facts) and (hurried or _has_same_layouts(old, branch)):
            return old
        if old and facts.all_torch and old.facts.all_torch and old.scene.outline == branch.outline:
            found = self._read_rows(old, branch, facts, hurried=hurried)
        else:
            found = self._read_all(old, branch, facts)
        found.tree = tree
        return found

    def _is_same(self, old: KnownBranch, branch: Branch, facts: BranchFacts) -> bool:
        """Return whether a branch may be reused; freed addresses may have new memory."""
        if not old.facts.same_as(facts) or old.scene.outline != branch.outline:
            return False
        if any(storage in old.blocks or storage in old.on_devices for storage in self.storages.lost):
            return False
        return facts.all_torch or self._same_arrays(old, branch)

    def _same_arrays(self, old: KnownBranch, branch: Branch) -> bool:
        serials = self.objects.number(branch.objects)
        return serials == [reading.object for reading in old.scene.readings]

    def _read_all(self, old: KnownBranch | None, branch: Branch, facts: BranchFacts) -> KnownBranch:
        """Read a whole branch."""
        self.has_new = True
        known = self._known(old.scene.readings, old.blocks) if old else ({}, {})
        found = Gathering(self.objects, self.storages, *known)
        number, kept = self.objects.number, list[Reading | None]()
        if old:
            kept = unchanged_readings((old.scene, old.facts), branch, facts, number, self.storages.lost)
            found.keep([one for one in kept if one], old.counters)
        kept = kept or [None] * len(branch.objects)
        new, roles = [row for row, one in enumerate(kept) if one is None], branch.outline.roles()
        things = [branch.objects[row] for row in new]
        for row, thing, serial in zip(new, things, number(things), strict=True):
            found.add(thing, roles[row], serial)
        read = iter(found.readings)
        readings = [one or next(read) for one in kept]
        is_alike = old is not None and old.scene.outline == branch.outline
        scene = old.scene.with_readings(readings) if old and is_alike else None
        scene = scene or RootSnapshot(outline=branch.outline, readings=tuple(readings))
        return KnownBranch(facts, scene, found.blocks, tuple(found.counters), found.on_devices)

    def _read_rows(self, old: KnownBranch, branch: Branch, facts: BranchFacts, *, hurried: bool) -> KnownBranch:
        """Read a branch of the same paths: only versions for tensors in place, everything for new ones."""
        versions, others = self._rows_to_read(old, branch, facts, hurried=hurried)
        readings = [*old.scene.readings]
        now = at_versions([readings[row] for row, _ in versions], [version for _, version in versions])
        for (row, _), reading in zip(versions, now, strict=True):
            readings[row] = reading
        counters = _at_version(old.counters, [readings[row] for row, _ in versions])
        if not others:
            scene = old.scene.with_readings(readings, same_memory=True)
            return KnownBranch(facts, scene, old.blocks, counters, old.on_devices)
        things = [branch.objects[row] for row in others]
        serials = self.objects.number(things)
        if _have_moved([readings[row] for row in others], serials, readings):
            return self._read_all(old, branch, facts)
        self.has_new = True
        whole = old.scene.readings if len(others) * FEW > len(readings) else [readings[row] for row in others]
        found = Gathering(self.objects, self.storages, *self._known(whole, old.blocks))
        roles, former = branch.outline.roles(), [readings[row] for row in others]
        found.add_all(things, [roles[row] for row in others], serials, former)
        before = {readings[row].storage for row in others}
        for row, reading in zip(others, found.readings, strict=True):
            readings[row] = reading
        read = {reading.object for reading in found.readings}
        held = {reading.object for reading in readings} - read
        counters = (*(one for one in counters if one.object in held), *found.counters)[:MAX_COUNTERS]
        gone = before.difference([reading.storage for reading in readings])
        gone.update(one for one, block in found.blocks.items() if _has_moved(old.blocks.get(one), block))
        blocks = {one: block for one, block in old.blocks.items() if one not in gone}
        on_devices = {one: block for one, block in old.on_devices.items() if one not in gone} | found.on_devices
        blocks = join_blocks([blocks, found.blocks])
        return KnownBranch(facts, old.scene.with_readings(readings), blocks, counters, on_devices)

    def _rows_to_read(
        self, old: KnownBranch, branch: Branch, facts: BranchFacts, *, hurried: bool
    ) -> tuple[list[tuple[int, int]], list[int]]:
        """Return which tensors changed only their version, each with it, and which must be read again."""
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
            anew = {*others}
            others, versions = sorted(anew), [one for one in versions if one[0] not in anew]
        return versions, others

    def _known(
        self, readings: Sequence[Reading], blocks: Mapping[int, Block]
    ) -> tuple[Mapping[int, Reading], Mapping[int, Block]]:
        """Return the last readings and blocks without freed memory, whose addresses may be reused."""
        lost = self.storages.lost
        known = {reading.object: reading for reading in readings if reading.storage not in lost}
        return known, {storage: block for storage, block in blocks.items() if storage not in lost} if lost else blocks


def _has_same_layouts(old: KnownBranch, branch: Branch) -> bool:
    """Return whether every tensor's layout is as last read; all else that can change is in the facts."""
    if old.facts.all_torch:
        with suppress(RuntimeError):  # a nested tensor has no strides to read
            if are_laid_out_as(branch.objects, old.scene.readings):
                return True
    return all(
        reading.unknown or is_ndarray(thing) or is_laid_out_as(thing, reading)
        for thing, reading in zip(branch.objects, old.scene.readings, strict=True)
    )


def _at_version(counters: tuple[VersionCounter, ...], readings: list[Reading]) -> tuple[VersionCounter, ...]:
    """Update the counters of tensors whose version changed."""
    written = {reading.object: reading.version for reading in readings} if counters else {}
    return tuple(one.since(version) if (version := written.get(one.object)) else one for one in counters)


def _have_moved(former: Sequence[Reading], serials: Sequence[int], readings: Sequence[Reading]) -> bool:
    """Return whether many of some tensors were at other places before."""
    others = {serial for serial, one in zip(serials, former, strict=True) if serial != one.object}
    return len(others) * FEW > len(readings) and not others.isdisjoint([one.object for one in readings])


def _has_moved(known: Block | None, block: Block) -> bool:
    return known is not None and known.start != block.start
