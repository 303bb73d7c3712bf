"""Watch the small storages of a running cell, and tensors whose memory may be replaced."""

from __future__ import annotations

import weakref
from itertools import islice
from typing import TYPE_CHECKING, Any

from ....core.runtime.record import field, mutable
from ...compare.compare_bytes import COPY_LIMIT, ByteVerdict, StorageMark
from ...memory.byte_block import SMALL, batches, block_of, digest_each, fetch
from ...runtime.threads import is_alone
from ...snapshot.readings import MAX_COUNTERS, Gathering
from ...tensors.plain_reads import is_plain
from ...tensors.read_tensor import read
from ..device_watch import DeviceWatch
from .look_group import LookGroup, group_storages
from .sampled_storages import Samples
from .storage_moves import Moved, StorageMoves
from .watched_storage import Rewritten, Watched, differing_bytes, is_storage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    import torch

    from ....core.blame.evidence.operator_writes import Region
    from ...compare.byte_history import Period
    from ...compare.device_prints import DevicePrints
    from ...device.device_block import DeviceBlock
    from ...memory.byte_block import Block, Bytes
    from ...snapshot.snapshotter import Shot
    from ...tensors.serials import StorageSerials
    from ...tensors.version_counter import VersionCounter

MAX_WATCHED = 4096
MAX_ALONE = 64
"""The number of new storages that are read one by one before they are put into groups."""
MAX_GONE = 256
KEPT_BYTES = 1 << 25
"""The number of earlier bytes of storages kept in a cell; beyond it only digests are kept."""


@mutable
class LiveWatch:
    """The watched storages between statements.

    Attributes
    ----------
    resting
        Storages that are no longer read: no variable led to them at the last search for new tensors.
    gone
        The last small storages that died: a tensor may have been given other memory since.
    room
        How many bytes of storages larger than `largest` may be read as well.
    counters
        The version counters of the tensors in storages too large to be read.
    device_watch
        The storages of devices.
    has_lost
        Whether a storage died since tensors were last followed: a tensor may have another one now.
    """

    watched: dict[int, Watched]
    largest: int
    room: int
    counters: tuple[VersionCounter, ...]
    storage_moves: StorageMoves
    samples: Samples = field(default_factory=Samples)
    device_watch: DeviceWatch = field(default_factory=DeviceWatch)
    resting: dict[int, Watched] = field(default_factory=dict)
    gone: dict[int, Watched] = field(default_factory=dict)
    has_lost: bool = False
    _groups: list[LookGroup] = field(default_factory=list)
    _alone: dict[int, None] = field(default_factory=dict)
    _is_grouped: bool = False
    _ungrouped: int = 0
    _kept: int = 0
    _counted: int = 0
    _by_count: set[int] = field(default_factory=set)

    @classmethod
    def begin(  # noqa: PLR0913, PLR0917
        cls,
        before: Shot,
        marks: Mapping[int, StorageMark],
        references: Mapping[int, weakref.ref[Any]],
        largest: int,
        room: int,
        devices: DevicePrints | None = None,
    ) -> LiveWatch:
        """Watch the storages up to `largest` bytes, larger ones while there is room, and samples of the others."""
        small = (one for one in marks.items() if one[1].block.nbytes <= largest and one[0] in references)
        watched = {
            key: Watched(references[key], one.block, one.digest, one.copy) for key, one in islice(small, MAX_WATCHED)
        }
        watch = cls(watched, largest, room, before.counters, StorageMoves(before))
        for key, mark in marks.items() if room else ():
            if mark.block.nbytes > largest and key in references and watch._has_room(mark.block):
                watched[key] = Watched(references[key], mark.block, mark.digest, None)
        watch.samples = Samples.begin(marks, references, watched)
        if devices is not None:
            watch.device_watch = DeviceWatch.begin(before.on_devices, before.snapshot.by_storage.readings, devices)
        return watch

    def _has_room(self, block: Block) -> bool:
        if block.nbytes <= self.largest:
            return len(self.watched) + len(self.resting) < MAX_WATCHED
        fits = block.nbytes <= self.room
        self.room -= block.nbytes if fits else 0
        return fits

    def _give_back(self, block: Block) -> None:
        self.room += block.nbytes if block.nbytes > self.largest else 0

    def look(self, number: int) -> Iterator[Rewritten]:
        """Yield the storages written since the last look."""
        for group in self._grouped():
            if group.is_unchanged():
                group.number = number
            else:
                yield from self._look_at_all([*group.members], number)
                group.learn()
        yield from self._look_at_all([one for one in self._alone if one in self.watched], number)
        yield from self._count(number)
        yield from self.samples.look(number)
        self.device_watch.look(number)

    def _grouped(self) -> list[LookGroup]:
        """Return the groups of small storages, regrouped if their set changed."""
        if not self._is_grouped:
            self._settle()
            self._groups, self._is_grouped, self._ungrouped = [*group_storages(self.watched)], True, 0
            grouped = {storage for group in self._groups for storage in group.members}
            self._alone = {storage: None for storage in self.watched if storage not in grouped}
        return self._groups

    def _settle(self) -> None:
        for group in self._groups:
            group.settle()

    def _look_at_all(self, storages: Sequence[int], number: int) -> Iterator[Rewritten]:
        """Look at each of some storages."""
        self._settle()
        for storage in storages:
            one = self.watched[storage]
            if not one.find():
                self._keep_gone(storage, self.watched.pop(storage))
                is_new = storage in self._alone
                self._alone.pop(storage, None)
                self.has_lost, self._is_grouped = self.has_lost or not is_new, self._is_grouped and is_new
                self._give_back(one.block)
                yield Rewritten(storage, one.look_number, None, one.block.low)
        blocks = {storage: self.watched[storage].block for storage in storages if storage in self.watched}
        for batch in batches(blocks, blocks):
            yield from self._look_at(batch, number)

    def _keep_gone(self, storage: int, one: Watched) -> None:
        """Keep the bytes of a storage that is gone: the tensor that had it may be compared with them later."""
        if one.block.nbytes <= SMALL:
            if len(self.gone) >= MAX_GONE:
                del self.gone[next(iter(self.gone))]
            self.gone[storage] = one

    def _look_at(self, storages: Sequence[int], number: int) -> Iterator[Rewritten]:
        small = [storage for storage in storages if self.watched[storage].block.nbytes <= SMALL]
        blocks = [self.watched[storage].block for storage in small]
        joined = fetch(b"".join([block.span for block in blocks]), sum([block.nbytes for block in blocks]))[1]
        for storage, digest, copy in zip(small, *digest_each(blocks, joined), strict=True):
            yield from self._accept(storage, number, digest, copy)
        for storage in storages if len(small) < len(storages) else ():
            if self.watched[storage].block.nbytes > SMALL:
                yield from self._look_at_one(storage, number)

    def _look_at_one(self, storage: int, number: int) -> Iterator[Rewritten]:
        yield from self._accept(storage, number, *self.watched[storage].read(is_alone=is_alone()))

    def _accept(self, storage: int, number: int, digest: bytes | None, copy: Bytes | None) -> Iterator[Rewritten]:
        one = self.watched[storage]
        if self._has_arrived(one, digest):
            one.take_as_known(number, digest, copy)
        elif seen := one.look(storage, number, digest, copy):
            self._make_room(one.periods)
            yield seen

    def _has_arrived(self, one: Watched, digest: bytes | None) -> bool:
        """Return whether other bytes may be those that a device was copying at the last look."""
        if digest == one.digest or one.look_number > self.device_watch.last_busy:
            return False
        owner = one.reference()
        return is_storage(owner) and self.device_watch.may_copy_to(owner, is_new=one.is_new)

    def last_look(self, storage: int) -> int:
        """Return the last look at a storage; for one that is not watched, the start of the cell."""
        self._settle()
        return self.watched[storage].look_number if storage in self.watched else 0

    def foresee(
        self, written: Sequence[tuple[torch.Tensor, Region]], storages: StorageSerials, number: int
    ) -> Iterator[Rewritten]:
        """Look at what an operator is about to write, or at everything if it may write more.

        Memory that PyTorch did not allocate may belong to other storages too.
        """
        self._settle()
        if any(region.storage not in storages.own for _, region in written):
            yield from self.look(number)
        for tensor, region in written:
            one = self.watched.get(region.storage)
            if one is None:
                self._take_in_unnamed(tensor, region.storage, storages, number)
            elif one.look_number < number and one.find():
                yield from self._look_at_one(region.storage, number)

    def _make_room(self, periods: list[Period]) -> None:
        """Drop overwritten copies that are large or exceed the limit."""
        if not periods:
            return
        mark = periods[-1].mark
        size = len(mark.copy or b"")
        if size > min(COPY_LIMIT, KEPT_BYTES - self._kept):
            periods[-1] = periods[-1]._replace(mark=mark._replace(copy=None))
        else:
            self._kept += size

    def periods(self, storage: int) -> list[Period]:
        """Return the periods without change of a storage so far."""
        self._settle()
        one = self._find(storage)
        return [*one.periods, *one.period(one.look_number)] if one else self.device_watch.periods(storage)

    def now(self, storage: int) -> StorageMark | None:
        """Look at a storage again; None if it is gone."""
        one = self._find(storage)
        return StorageMark.of(one.block) if one and one.find() else None

    @property
    def seen(self) -> set[int]:
        """The storages that were read."""
        return {*self.watched, *self.resting}

    def _find(self, storage: int) -> Watched | None:
        return self.watched.get(storage) or self.resting.get(storage) or self.gone.get(storage)

    def _count(self, number: int) -> Iterator[Rewritten]:
        """Yield the storages, too large to read, that an operator wrote."""
        for counter in self.counters:
            if not counter.has_risen():
                continue
            storage = self.storage_moves.storage_of[counter.object]
            if storage not in self.watched and storage not in self.device_watch:
                yield Rewritten(storage, self._counted, None, 0)
                self._by_count.add(storage)
        self._counted = number

    def conclude(
        self, verdicts: Mapping[int, ByteVerdict], known: AbstractSet[int], number: int
    ) -> Iterator[Rewritten]:
        """Yield what the comparison after the cell found beyond the looks, of known storages."""
        yield from self._count(number)
        yield from self.samples.conclude(verdicts, number)
        self._settle()
        for storage in known and known & verdicts.keys():
            verdict = verdicts[storage]
            one, before, after = self.watched.get(storage), verdict.before, verdict.after
            if one and one.find():
                if self._has_arrived(one, after and after.digest):
                    continue
                if seen := one.accept(storage, number, after):
                    yield seen
            elif before and after and verdict.outcome == "changed" and not self._is_seen(storage):
                yield Rewritten(storage, 0, differing_bytes(before.copy, after.copy), after.block.low)

    def unseen(self, verdicts: Mapping[int, ByteVerdict], known: AbstractSet[int]) -> dict[int, ByteVerdict]:
        """Return the changes that no look saw, of storages that are not known."""
        by_count, sampled = self._by_count, self.samples.seen
        return {
            storage: one
            for storage, one in verdicts.items()
            if one.outcome == "changed"
            and one.before is not None
            and one.after is not None
            and not (storage in known or storage in by_count or storage in sampled)
        }

    def _is_seen(self, storage: int) -> bool:
        """Return whether a storage that is too large to be read was seen to be written."""
        return storage in self._by_count or storage in self.samples.seen or storage in self.device_watch.written

    def follow(self, shot: Shot, references: Mapping[int, weakref.ref[Any]], number: int) -> Iterator[Moved]:
        """Yield the tensors that moved to other memory, and watch that too."""
        yield from self.storage_moves.follow(shot, number)
        self.has_lost = False
        moved = {*self.storage_moves.storage_of.values()}
        self._take_in({key: one for key, one in shot.blocks.items() if key in moved}, references, number)
        self._look_at_devices({key: one for key, one in shot.on_devices.items() if key in moved}, shot, number)

    def widen(self, shot: Shot, references: Mapping[int, weakref.ref[Any]], number: int) -> None:
        """Watch the memory of new tensors too, and drop storages that only graphs hold."""
        self._settle()
        self._is_grouped = False
        for storage in self.watched.keys() - shot.blocks.keys():
            self.resting[storage] = one = self.watched.pop(storage)
            self._give_back(one.block)
        for storage in self.resting.keys() & shot.blocks.keys():
            if self._has_room(self.resting[storage].block):
                self.watched[storage] = self.resting.pop(storage)
        self._take_in(shot.blocks, references, number)
        self._look_at_devices(shot.on_devices, shot, number)

    def _look_at_devices(self, blocks: Mapping[int, DeviceBlock], shot: Shot, number: int) -> None:
        """Watch more storages of devices."""
        if blocks:
            self.device_watch.look(number, self.device_watch.add(blocks, shot.snapshot.by_storage.readings))

    def take_in_born(self, found: Gathering, known: Mapping[int, weakref.ref[Any]], number: int) -> None:
        """Watch the memory of tensors that the cell has just bound."""
        self._settle()
        self._take_in(found.blocks, known, number)
        if found.on_devices:
            parts = {one: [each for each in found.readings if each.storage == one] for one in found.on_devices}
            self.device_watch.look(number, self.device_watch.add(found.on_devices, parts.__getitem__))
        self.counters = (*self.counters, *found.counters)[:MAX_COUNTERS]
        self.storage_moves.take_in(found.readings)

    def _take_in(self, blocks: Mapping[int, Block], known: Mapping[int, weakref.ref[Any]], number: int) -> None:
        for storage in blocks.keys() - self.seen:
            block, reference = blocks[storage], known.get(storage)
            if reference is not None and self._has_room(block):
                mark = StorageMark.of(block)
                digest, copy = (mark.digest, mark.copy) if mark else (None, None)
                copy = copy if block.nbytes <= self.largest else None
                self.watched[storage] = Watched(reference, block, digest, copy, number, number, is_new=number > 0)
                self._alone[storage] = None
                self._ungrouped += 1
        self._is_grouped &= self._ungrouped <= MAX_ALONE

    def _take_in_unnamed(self, tensor: torch.Tensor, storage: int, storages: StorageSerials, number: int) -> None:
        if is_plain(tensor) and tensor.device.type == "cpu":
            reading = read(tensor, "", 0, storages)
            block = block_of(tensor, reading, storages.own) if reading.data_ptr and not reading.unknown else None
            if block is not None and block.nbytes <= COPY_LIMIT:
                self._take_in({storage: block}, {storage: weakref.ref(tensor.untyped_storage())}, number)
