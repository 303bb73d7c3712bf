"""Keep bytes from before each cell, up to a size limit, so that they can be restored."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from time import thread_time
from typing import TYPE_CHECKING, NamedTuple

import xxhash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...core.model.snapshot import Entry, Snapshot
    from ..compare.byte_budget import Budget
    from ..compare.compare_bytes import ByteVerdict, StorageMark
    from ..memory.byte_block import Block
    from ..observer import Observation


_NOT_READ = ("skipped", "moved", "pending", "captured", "failed")
MOST = 2
"""If more than one in so many tensors was written, the whole snapshot is kept and paths are spelled on demand."""
RECORD = 500
"""The cost of keeping a copy beside its bytes, in bytes."""


class ArchivedBytes(NamedTuple):
    """The bytes of one storage as they were before some cells.

    Attributes
    ----------
    first, last
        The cells between which the bytes were not read; mostly one cell.
    entries, snapshot
        The paths that led to the storage then, or the snapshot that holds them.
    """

    storage: int
    first: int
    last: int
    mark: StorageMark
    entries: tuple[Entry, ...] = ()
    snapshot: Snapshot | None = None

    @property
    def readings(self) -> tuple[Entry, ...]:
        """The paths that led to the storage then."""
        return self.entries if self.snapshot is None else self.snapshot.by_storage.get(self.storage)


@dataclass(slots=True)
class Archive:
    """Copies of bytes: half of `limit` for overwritten ones, oldest dropped first, half for large present ones.

    Small storages are copied anyway, to count changed elements. A large one is copied in advance, or its
    bytes would be gone after a write.

    Attributes
    ----------
    kept
        By storage, oldest first; `order` has the storages in the order of their writes.
    lost
        By storage, the last cell before which its bytes are not known: not yet allocated, never copied, or dropped.
    copies, due
        The copies of large storages' present bytes, and the storages without one yet.
    """

    limit: int = 0
    kept: dict[int, deque[ArchivedBytes]] = field(default_factory=dict)
    order: deque[int] = field(default_factory=deque)
    lost: dict[int, int] = field(default_factory=dict)
    copies: dict[int, StorageMark] = field(default_factory=dict)
    due: set[int] = field(default_factory=set)
    size: int = 0

    def add(self, observed: Observation, before: Snapshot, cell: int) -> None:
        """Keep what a cell overwrote; drop storages that no variable leads to any more."""
        has_all = MOST * len(observed.verdicts) > len(before)
        for storage, verdict in observed.verdicts.items():
            outcome, old, new, since = verdict
            if has_all and outcome == "changed" and old and new and old[2] is not None and new[2] is not None:
                self._put(ArchivedBytes(storage, cell if since is None else since + 1, cell, old, (), before))
            elif outcome not in _NOT_READ:
                self._keep(storage, verdict, before, cell, has_all=has_all)
        self._forget_all_but(observed.shot.blocks)
        while self.size > self.limit // 2:
            kept = self.kept.get(self.order.popleft())
            if kept:
                one = kept.popleft()
                self.size -= one.mark.block.nbytes + RECORD
                self.lost[one.storage] = one.last

    def lose(self, observed: Observation, cell: int) -> None:
        """Mark earlier bytes as lost for storages that are new, or changed while no cell was watched."""
        for storage, verdict in observed.verdicts.items():
            if verdict.outcome not in _NOT_READ:
                self._lose(storage, verdict, cell)

    def prepare(self, blocks: Mapping[int, Block], marks: Mapping[int, StorageMark], budget: Budget) -> None:
        """Copy the present bytes of large storages, within the time and size limits."""
        self.copies = {one: mark for one, mark in self.copies.items() if one in marks and _is_of(mark, marks[one])}
        self.due &= marks.keys()
        room = self.limit // 2 - sum(map(_size, self.copies.values()))
        for storage in sorted(self.due):
            mark = marks[storage]
            if _size(mark) > room or not budget.affords(mark.block.nbytes):
                continue
            began, copy = thread_time(), blocks[storage].copy()
            if copy is not None and xxhash.xxh3_128_digest(copy) == mark.digest:
                self.copies[storage] = mark._replace(copy=copy)
                room -= _size(mark)
            self.due.discard(storage)
            budget.pay(thread_time() - began)

    def find(self, storage: int, cell: int) -> ArchivedBytes | None:
        """Return the bytes of a storage from before a cell: those replaced by the first write since then."""
        if self.lost.get(storage, 0) >= cell:
            return None
        return next((one for one in self.kept.get(storage, ()) if one.last >= cell), None)

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
        self._put(ArchivedBytes(storage, first, cell, mark, entries, before if has_all else None))

    def _put(self, one: ArchivedBytes) -> None:
        known = self.kept.get(one.storage)
        if known is None:
            self.kept[one.storage] = deque((one,))
        else:
            known.append(one)
        self.order.append(one.storage)
        self.size += one.mark.block.nbytes + RECORD

    def _lose(self, storage: int, verdict: ByteVerdict, cell: int) -> None:
        self.lost[storage] = cell
        if verdict.after is not None and verdict.after.copy is None:
            self.due.add(storage)

    def _forget_all_but(self, blocks: Mapping[int, Block]) -> None:
        for storage in self.lost.keys() - blocks.keys():
            del self.lost[storage]
        gone = self.kept.keys() - blocks.keys()
        for storage in gone:
            self.size -= sum(_size(one.mark) for one in self.kept.pop(storage))
        if gone:
            self.order = deque(one for one in self.order if one in self.kept)


def _is_of(copy: StorageMark, mark: StorageMark) -> bool:
    return copy.digest == mark.digest and copy.block == mark.block


def _size(mark: StorageMark) -> int:
    return mark.block.nbytes + RECORD
