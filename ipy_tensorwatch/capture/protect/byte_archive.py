"""Keep bytes from before each cell, up to a size limit, so that they can be restored."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from itertools import accumulate, islice
from time import thread_time
from typing import TYPE_CHECKING, ClassVar

import xxhash

from ...core.runtime.record import field, mutable
from .device_archive import DeviceArchive
from .kept_bytes import MOST, NOT_READ, ArchivedBytes, KeptBytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...core.records.snapshots.snapshot import Snapshot
    from ..compare.compare_bytes import ByteVerdict, StorageMark
    from ..compare.time_budget import TimeBudget
    from ..memory.byte_block import Block
    from ..observer import Observation


RECORD = 500
"""The cost of keeping a copy beside its bytes, in bytes."""


@mutable(eq=False)
class ArchivedCell:
    """The bytes of many storages as they were before one cell, as a training step overwrites them.

    Attributes
    ----------
    marks
        By storage; those dropped first come first.
    """

    cell: int
    snapshot: Snapshot
    marks: dict[int, StorageMark]

    @property
    def size(self) -> int:
        """The bytes kept, with the cost of keeping them."""
        return sum([mark.block.nbytes for mark in self.marks.values()]) + RECORD * len(self.marks)

    def drop(self, nbytes: int) -> tuple[list[int], int]:
        """Drop at least so many bytes, if there are as many; return the storages dropped, and the bytes."""
        sizes = [*accumulate([mark.block.nbytes + RECORD for mark in self.marks.values()])]
        count = min(bisect_left(sizes, nbytes) + 1, len(sizes))
        gone = [*islice(self.marks, count)]
        self.marks = dict(islice(self.marks.items(), count, None))
        return gone, sizes[count - 1] if count else 0

    def drop_all_but(self, blocks: Mapping[int, Block]) -> int:
        """Drop the storages that are not watched any more; return the bytes dropped."""
        return sum([self.marks.pop(one).block.nbytes + RECORD for one in self.marks.keys() - blocks.keys()])


@mutable(kw_only=True)
class Archive(KeptBytes):
    """Copies of bytes: half of `limit` for overwritten ones, oldest dropped first, half for large present ones.

    Small storages are copied anyway, to count changed elements. A large one is copied in advance, or its
    bytes would be gone after a write.

    Attributes
    ----------
    cells
        The cells that overwrote many storages at once, oldest first.
    copies, due
        The copies of large storages' present bytes, and the storages without one yet.
    on_devices
        The copies in the memory of devices, which have limits of their own.
    watched
        The storages that variables lead to, as of the last cell.
    """

    cost: ClassVar[int] = RECORD

    limit: int = 0
    cells: deque[ArchivedCell] = field(default_factory=deque)
    copies: dict[int, StorageMark] = field(default_factory=dict)
    due: set[int] = field(default_factory=set)
    on_devices: DeviceArchive = field(default_factory=DeviceArchive)
    watched: Mapping[int, Block] = field(default_factory=dict)

    def add(self, observed: Observation, before: Snapshot, cell: int) -> None:
        """Keep what a cell overwrote; drop storages that no variable leads to any more."""
        self.on_devices.add(observed, before, cell)
        verdicts = _on_host(observed)
        has_all = MOST * len(verdicts) > len(before)
        usual = _rewritten(verdicts) if has_all else {}
        if usual:
            self.cells.append(ArchivedCell(cell, before, usual))
            self.size += self.cells[-1].size
        new = [one for one, (_, old, now, _) in verdicts.items() if old is None and now and now.copy is not None]
        self.lost.update(dict.fromkeys(new, cell))
        settled = usual.keys() | {*new}
        for storage, verdict in verdicts.items() if len(settled) < len(verdicts) else ():
            if storage not in settled and verdict.outcome not in NOT_READ:
                self._keep(storage, verdict, before, cell, has_all=has_all)
        if observed.shot.blocks is not self.watched:
            self.watched = observed.shot.blocks
            self.forget_all_but(self.watched)
            self._forget_in_cells(self.watched)
        while self.size > self.limit // 2:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        """Drop the oldest bytes, those of a cell that overwrote many storages together."""
        oldest = self.kept.get(self.order[0]) if self.order else None
        if self.cells and (not self.order or (oldest and oldest[0].last >= self.cells[0].cell)):
            gone, nbytes = self.cells[0].drop(self.size - self.limit // 2)
            for storage in gone:
                self.lose_before(storage, self.cells[0].cell)
            self.size -= nbytes
            if not self.cells[0].marks:
                self.cells.popleft()
            return
        self.drop_oldest_alone()

    def add_late(self, observed: Observation, before: Snapshot, cell: int) -> None:
        """Keep what was overwritten after the end of a cell too: by a device, or by what it copied to the host."""
        self.on_devices.add(observed, before, cell)
        for storage, verdict in _on_host(observed).items():
            if verdict.outcome != "changed" or self.lost.get(storage, 0) >= cell:
                continue
            known = self.find(storage, cell)
            if known is None:
                self._keep(storage, verdict, before, cell, has_all=False)
            elif known.first > cell:  # the copy arrived while a later cell ran, whose bytes from before are kept
                self._lose(storage, verdict, cell)

    def lose(self, observed: Observation, cell: int) -> None:
        """Mark earlier bytes as lost for storages that are new, or changed while no cell was watched."""
        self.on_devices.lose(observed, cell)
        for storage, verdict in _on_host(observed).items():
            if verdict.outcome not in NOT_READ:
                self._lose(storage, verdict, cell)

    def prepare(self, blocks: Mapping[int, Block], marks: Mapping[int, StorageMark], budget: TimeBudget) -> None:
        """Copy the present bytes of large storages, within the time and size limits."""
        self.copies = {one: mark for one, mark in self.copies.items() if one in marks and _is_of(mark, marks[one])}
        self.due &= marks.keys()
        room = self.limit // 2 - sum(map(self.cost_of, self.copies.values()))
        for storage in sorted(self.due):
            mark = marks[storage]
            if self.cost_of(mark) > room or not budget.affords(mark.block.nbytes):
                continue
            began, copy = thread_time(), blocks[storage].copy()
            if copy is not None and xxhash.xxh3_128_digest(copy) == mark.digest:
                self.copies[storage] = mark._replace(copy=copy)
                room -= self.cost_of(mark)
            self.due.discard(storage)
            budget.pay(thread_time() - began)

    def find(self, storage: int, cell: int) -> ArchivedBytes | None:
        """Return the bytes of a storage from before a cell: those replaced by the first write since then."""
        if storage in self.on_devices:
            return self.on_devices.find_alone(storage, cell)
        if self.lost.get(storage, 0) >= cell:
            return None
        alone = self.find_alone(storage, cell)
        whole = next((one for one in self.cells if one.cell >= cell and storage in one.marks), None)
        if whole is None or (alone is not None and alone.last <= whole.cell):
            return alone
        return ArchivedBytes(storage, whole.cell, whole.cell, whole.marks[storage], (), whole.snapshot)

    def is_lost(self, storage: int, cell: int) -> bool:
        """Return whether the bytes of a storage from before a cell are not known."""
        return (self.on_devices if storage in self.on_devices else self).lost.get(storage, 0) >= cell

    def _keep(self, storage: int, verdict: ByteVerdict, before: Snapshot, cell: int, *, has_all: bool) -> None:
        mark = verdict.before
        if mark is not None and mark.copy is None:
            copy = self.copies.get(storage)
            mark = copy if copy is not None and _is_of(copy, mark) else None
        if mark is None or verdict.outcome == "unreadable":
            self._lose(storage, verdict, cell)
            return
        if verdict.after is not None and verdict.after.copy is None:
            self.due.add(storage)
        if verdict.outcome == "new":
            return  # the same bytes, with a larger watched run
        first = cell if verdict.since is None else verdict.since + 1
        entries = () if has_all else before.by_storage.get(storage)
        self.put(ArchivedBytes(storage, first, cell, mark, entries, before if has_all else None))

    def _lose(self, storage: int, verdict: ByteVerdict, cell: int) -> None:
        self.lose_before(storage, cell)
        if verdict.after is not None and verdict.after.copy is None:
            self.due.add(storage)

    def _forget_in_cells(self, blocks: Mapping[int, Block]) -> None:
        for one in self.cells:
            self.size -= one.drop_all_but(blocks)
        while self.cells and not self.cells[0].marks:
            self.cells.popleft()


def _on_host(observed: Observation) -> Mapping[int, ByteVerdict]:
    """Return the verdicts of what lies in the memory of the host."""
    there = observed.shot.on_devices
    return (
        {one: verdict for one, verdict in observed.verdicts.items() if one not in there} if there else observed.verdicts
    )


def _rewritten(verdicts: Mapping[int, ByteVerdict]) -> dict[int, StorageMark]:
    """Return the marks from before of storages that have copies from before and after the last cell."""
    return {
        storage: old
        for storage, (outcome, old, new, since) in verdicts.items()
        if outcome == "changed" and since is None and old and new and old.copy is not None and new.copy is not None
    }


def _is_of(copy: StorageMark, mark: StorageMark) -> bool:
    return copy.digest == mark.digest and copy.block == mark.block
