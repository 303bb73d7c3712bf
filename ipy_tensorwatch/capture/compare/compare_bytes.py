"""Remember the bytes of every watched storage, and find the storages that changed."""

from __future__ import annotations

import weakref  # noqa: TC003  (named in the types of a function's defaults)
from functools import partial
from itertools import repeat
from operator import is_
from time import thread_time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import xxhash

from ...core.memory.count_differences import Side
from ...core.memory.footprint import footprint_of
from ...core.memory.overlap import lay_out
from ...core.runtime.record import field, mutable
from ..memory.byte_block import digest_each, digest_held, fetch
from .batches import Batch, Batches
from .storage_owners import StorageOwners

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from ...core.records.reading import Reading
    from ..memory.byte_block import Block, Bytes
    from .time_budget import TimeBudget

COPY_LIMIT = 1 << 16
"""Storages up to this size, in bytes, keep a copy, so that changed elements can be counted."""
COPY_TOTAL = 1 << 26
MAX_ELEMENTS = 1 << 20
"""The maximum number of elements viewed one by one: expanded tensors have any number."""
FEW = 16
"""If at most one in so many storages was written, those that differ are found by comparing many at once."""
SPARE = 4
"""The factor by which the budget must exceed the estimate for the order of comparison not to matter."""

CLOCK_BYTES, CLOCK_COUNT = 1 << 20, 1024
"""The clock, a system call, is read after so many bytes or storages."""

ByteOutcome = Literal["changed", "new", "same", "skipped", "moved", "unreadable", "pending", "captured", "failed"]
BytePart = tuple[int, tuple[int, ...], tuple[int, ...], int]


class StorageMark(NamedTuple):
    """What is remembered of one storage's bytes; a tuple, because a training step makes a thousand.

    Attributes
    ----------
    copy
        The bytes themselves, for a small storage.
    parts
        For a large storage: the digests of views that cover less than the block, by layout.
    """

    block: Block
    digest: bytes
    copy: Bytes | None
    parts: Mapping[BytePart, bytes]

    @classmethod
    def of(cls, block: Block, digest: bytes = b"") -> StorageMark | None:
        """Copy the present bytes; None if they cannot be read."""
        copy = block.copy()
        return None if copy is None else cls(block, digest or xxhash.xxh3_128_digest(copy), copy, {})

    def side(self, reading: Reading) -> Side | None:
        """View a reading's elements over the copy; None without a copy of them."""
        start = self._start(reading)
        return None if start is None else Side(self.copy, start + reading.data_ptr - reading.address, reading.strides)

    def elements(self, reading: Reading) -> np.ndarray[Any, Any] | None:
        """View a reading's elements over the copy, as rows of bytes; None without a copy, or if there are too many."""
        start = self._start(reading)
        return None if start is None or reading.numel > MAX_ELEMENTS else lay_out(self.copy, reading, start)

    def covered(self, reading: Reading) -> np.ndarray[Any, Any] | None:
        """Return the bytes that a reading's elements cover; None without a copy, or if too scattered."""
        start, footprint = self._start(reading), footprint_of(reading)
        return None if start is None or footprint is None else footprint.take(self.copy, start)

    def part_digest(self, reading: Reading) -> bytes | None:
        """Return the digest of the bytes that a reading's elements cover; None if it was not computed."""
        if is_whole(reading, self.block):
            return self.digest
        if self.copy is None:
            return self.parts.get(reading.layout)
        covered = self.covered(reading)
        return None if covered is None else xxhash.xxh3_128_digest(covered.data)

    def _start(self, reading: Reading) -> int | None:
        start = reading.low - self.block.low
        is_inside = self.copy is not None and start >= 0 and start + reading.high - reading.low <= len(self.copy)
        return start if is_inside else None


def is_whole(reading: Reading, block: Block) -> bool:
    """Return whether a reading's elements fill a block."""
    if (reading.low, reading.high) != (block.low, block.end):
        return False
    if reading.is_dense:
        return True
    footprint = footprint_of(reading)
    return footprint is not None and footprint.is_solid


class ByteVerdict(NamedTuple):
    """The change of one storage's bytes; `before` is None for a new storage.

    Attributes
    ----------
    outcome
        `moved` if another thread freed or moved it during the read, so that nothing is known. Of a device: `pending` if
        it still works, `captured` if its stream is being captured, `failed` if it could not do it.
    """

    outcome: ByteOutcome
    before: StorageMark | None
    after: StorageMark | None
    since: int | None = None


class _Seen(NamedTuple):
    """The present bytes of one storage; a copy if it is small."""

    storage: int
    digest: bytes | None
    copy: Bytes | None


NO_PARTS: Mapping[BytePart, bytes] = MappingProxyType({})
_make_seen: Callable[[tuple[object, ...]], _Seen] = partial(tuple.__new__, _Seen)
_make_mark: Callable[[tuple[object, ...]], StorageMark] = partial(tuple.__new__, StorageMark)
_make_verdict: Callable[[tuple[object, ...]], ByteVerdict] = partial(tuple.__new__, ByteVerdict)
"""Make a record without a Python call: a training step makes a thousand."""


@mutable
class Fingerprints:
    """The marks of all watched storages, by storage serial.

    Attributes
    ----------
    on_devices
        The marks of storages on devices, which `DevicePrints` compares.
    waiting
        Storages beyond the budget, with the cell after which their bytes were last known.
    """

    marks: dict[int, StorageMark] = field(default_factory=dict)
    on_devices: dict[int, StorageMark] = field(default_factory=dict)
    waiting: dict[int, int] = field(default_factory=dict)
    copied: int = 0
    _batches: Batches = field(default_factory=Batches)

    def compare(  # noqa: PLR0913, PLR0917
        self,
        blocks: Mapping[int, Block],
        urgent: set[int],
        cell: int,
        budget: TimeBudget,
        parts: Callable[[int], Iterable[Reading]],
        references: Callable[[], Mapping[int, weakref.ref[Any]]] = dict,
    ) -> dict[int, ByteVerdict]:
        """Compare storages with their marks, urgent and longest unseen first, until the budget is spent.

        Storages whose bytes are the same, the usual case, get no verdict.
        """
        verdicts: dict[int, ByteVerdict] = {}
        owners, start, since = StorageOwners(blocks, references), thread_time(), 0
        for batch in self._in_order(blocks, urgent, budget):
            if since > CLOCK_BYTES:
                start, since = budget.pay_since(start), 0
            if not budget.affords(since + batch.nbytes):
                verdicts.update((storage, self._skip(storage, cell, "skipped")) for storage in batch.storages)
                continue
            since += batch.nbytes + CLOCK_BYTES * len(batch.storages) // CLOCK_COUNT
            are_few = FEW * len(urgent) < len(blocks)
            whole, differing = (
                self._differing_small(batch, are_few=are_few) if batch.spans else self._differing_large(batch, owners)
            )
            judged = self._judge_usual(differing, owners)
            rest = [one for one in differing if one.storage not in judged] if len(judged) < len(differing) else ()
            judged.update({one.storage: self._judge(one, owners, cell, parts) for one in rest})
            verdicts.update(judged)
            batch.digest = None if any(verdict.after is None for verdict in judged.values()) else whole
            for storage in self.waiting.keys() & batch.storages if self.waiting else ():
                if storage not in verdicts or verdicts[storage].outcome != "moved":
                    del self.waiting[storage]
        budget.pay_since(start)
        return verdicts

    def compare_again(
        self, blocks: Mapping[int, Block], cell: int, parts: Callable[[int], Iterable[Reading]]
    ) -> dict[int, ByteVerdict]:
        """Compare some storages a second time after the same cell."""
        self._batches.forget_digests_of(blocks)
        owners = StorageOwners(blocks, dict)
        verdicts: dict[int, ByteVerdict] = {}
        for storage, block in blocks.items():
            self.waiting.pop(storage, None)
            mark, digest = self.marks.get(storage), block.digest(owners.hold_if_safe(storage))
            if mark is None or digest != mark.digest:
                verdicts[storage] = self._judge(_Seen(storage, digest, None), owners, cell, parts)
        return verdicts

    def forget_all_but(self, storages: Iterable[int]) -> None:
        """Drop the marks of storages that are not watched any more."""
        gone = self.marks.keys() - storages
        copies = [mark.copy for mark in map(self.marks.pop, gone) if mark.copy]
        self.copied -= sum(map(len, copies))
        for one in gone & self.waiting.keys() if self.waiting else ():
            del self.waiting[one]

    def forget_on_devices_all_but(self, storages: Container[int]) -> None:
        """Drop the marks of storages on devices that are not watched any more."""
        for gone in [one for one in self.on_devices if one not in storages]:
            del self.on_devices[gone]
            self.waiting.pop(gone, None)

    def mark_of(self, storage: int) -> StorageMark | None:
        """Return the mark of a storage on any device; None if it was never read."""
        return self.marks.get(storage) or self.on_devices.get(storage)

    def _skip(self, storage: int, cell: int, outcome: ByteOutcome) -> ByteVerdict:
        since = self.waiting.setdefault(storage, cell - 1)
        return ByteVerdict(outcome, self.marks.get(storage), None, since)

    def _in_order(self, blocks: Mapping[int, Block], urgent: set[int], budget: TimeBudget) -> list[Batch]:
        """Return the batches to compare; the order matters only if the budget may not suffice."""
        batches = self._batches.follow(blocks)
        if budget.affords(SPARE * self._batches.nbytes):
            return batches
        last = len(self.waiting)
        turns = dict.fromkeys(urgent, -1) | {one: turn for turn, one in enumerate(self.waiting) if one not in urgent}
        return sorted(batches, key=lambda batch: min([turns.get(one, last) for one in batch.storages]))

    def _differing_large(self, batch: Batch, owners: StorageOwners) -> tuple[None, list[_Seen]]:
        """Digest large storages one by one; the bytes of one that differs are copied while they are in the cache."""
        storages, blocks, marks = batch.storages, batch.blocks, [*map(self.marks.get, batch.storages)]
        known = [mark and mark.digest for mark in marks]
        limit = COPY_LIMIT if self.copied < COPY_TOTAL else 0
        seen = digest_held(blocks, known, limit) if owners.are_safe else [(None, None)] * len(blocks)
        if (None, None) in seen:
            missing = zip(storages, blocks, seen, strict=True)
            seen = [one if one[0] else (block.digest(owners.hold_if_safe(storage)), None)
                    for storage, block, one in missing]  # fmt: skip
        return None, [
            _Seen(storage, digest, copy)
            for storage, block, (digest, copy), mark in zip(storages, blocks, seen, marks, strict=True)
            if mark is None or digest != mark.digest or (mark.block is not block and mark.block != block)
        ]

    def _differing_small(self, batch: Batch, *, are_few: bool) -> tuple[bytes | None, list[_Seen]]:
        """Copy many small storages in one call; if their digest is unchanged, none is compared singly."""
        whole, joined = fetch(batch.spans, batch.nbytes, batch.digest)
        if whole is not None and whole == batch.digest:
            return whole, []
        found = self._differing_few(batch, joined) if are_few and joined is not None else None
        if found is not None:
            return whole, found
        digests, pieces = digest_each(batch.blocks, joined)
        marks = map(self.marks.get, batch.storages)
        seen = zip(batch.storages, batch.blocks, digests, pieces, marks, strict=True)
        return whole, [
            _make_seen((storage, digest, data))
            for storage, block, digest, data, mark in seen
            if mark is None or digest != mark.digest or (mark.block is not block and mark.block != block)
        ]

    def _differing_few(self, batch: Batch, joined: bytes) -> list[_Seen] | None:
        """Find the storages that differ from their copies without a digest of each; None if one has no copy."""
        marks = [mark for mark in map(self.marks.get, batch.storages) if mark is not None and mark.copy is not None]
        known = [mark.copy for mark in marks if mark.copy is not None]
        if len(known) != len(batch.blocks) or not all(map(is_, [mark.block for mark in marks], batch.blocks)):
            return None
        old = np.frombuffer(b"".join(known), np.uint8)
        if old.nbytes != len(joined):
            return None
        ends = np.cumsum([block.nbytes for block in batch.blocks])
        differing = np.flatnonzero(old != np.frombuffer(joined, np.uint8))
        found: list[_Seen] = []
        for place in np.unique(np.searchsorted(ends, differing, side="right")).tolist():
            data = joined[ends[place] - batch.blocks[place].nbytes : ends[place]]
            found.append(_Seen(batch.storages[place], xxhash.xxh3_128_digest(data), data))
        return found

    def _judge_usual(self, differing: Sequence[_Seen], owners: StorageOwners) -> dict[int, ByteVerdict]:
        """Judge in columns what was copied whole and is new, or lies as before; the rest is judged one by one."""
        if not differing or not owners.are_safe:
            return {}
        blocks, room = owners.blocks, COPY_TOTAL - self.copied
        known = zip(differing, map(self.marks.get, [one.storage for one in differing]), strict=True)
        usual = [
            (one.storage, blocks[one.storage], one.digest, one.copy, mark)
            for one, mark in known
            if one.copy and one.digest and (mark is None or (mark.copy and mark.block is blocks[one.storage]))
        ]
        fresh = sum([len(copy or b"") for _, _, _, copy, mark in usual if mark is None])
        if not usual or fresh > room:
            return {}
        self.copied += fresh
        storages, its_blocks, digests, copies, befores = zip(*usual, strict=True)
        marks = [*map(_make_mark, zip(its_blocks, digests, copies, repeat(NO_PARTS), strict=False))]
        self.marks.update(zip(storages, marks, strict=True))
        outcomes = ["new" if mark is None else "changed" for mark in befores]
        since = map(self.waiting.get, storages) if self.waiting else repeat(None)
        return dict(zip(storages, map(_make_verdict, zip(outcomes, befores, marks, since, strict=False)), strict=True))

    def _judge(
        self, seen: _Seen, owners: StorageOwners, cell: int, parts: Callable[[int], Iterable[Reading]]
    ) -> ByteVerdict:
        storage, block, digest = seen.storage, owners.blocks[seen.storage], seen.digest
        before, since = self.marks.get(storage), self.waiting.get(storage)
        if before is not None and (before.block is block or before.block == block):
            same = before.digest == digest
        elif before and before.block.start == block.start and not _reaches_out(before.block, block):
            same = before.block.digest() == before.digest
        else:
            same = False
        after = self._look(seen, before, owners, parts)
        if not (owners.are_safe or owners.lies(storage)):
            return self._skip(storage, cell, "moved")
        if after is None:
            self._drop(storage)
            return ByteVerdict("unreadable", before, None, since)
        self.marks[storage] = after
        self.copied += len(after.copy or b"") - len((before and before.copy) or b"")
        return ByteVerdict("new" if before is None or same else "changed", before, after, since)

    def _look(
        self, seen: _Seen, known: StorageMark | None, owners: StorageOwners, parts: Callable[[int], Iterable[Reading]]
    ) -> StorageMark | None:
        block, digest, copy = owners.blocks[seen.storage], seen.digest, seen.copy
        if digest is None:
            return None
        held = self.copied - len((known and known.copy) or b"")
        if block.nbytes > COPY_LIMIT or held + block.nbytes > COPY_TOTAL:
            return StorageMark(
                block, digest, None, _part_digests(block, parts(seen.storage), owners.hold_if_safe(seen.storage))
            )
        if copy is None:
            return StorageMark.of(block)  # other threads may have written since it was digested
        return StorageMark(block, digest, copy, {})

    def _drop(self, storage: int) -> None:
        mark = self.marks.pop(storage, None)
        self.copied -= len(mark.copy or b"") if mark else 0


def _reaches_out(old: Block, new: Block) -> bool:
    """Return whether the old run of bytes exceeds the storage, so that reading it is not safe."""
    return old.low + old.nbytes > new.room


def digest_part(block: Block, reading: Reading, owner: object) -> bytes | None:
    """Digest the present bytes that a reading's elements cover."""
    footprint = footprint_of(reading)
    if footprint is None:
        return None
    if footprint.is_solid:
        return block.part(reading.low, footprint.width).digest(owner)
    source = block.part(reading.low, footprint.width).window(owner)
    return None if source is None else xxhash.xxh3_128_digest(footprint.take(source, 0).data)


def _part_digests(block: Block, parts: Iterable[Reading], owner: object) -> dict[BytePart, bytes]:
    found: dict[BytePart, bytes] = {}
    for reading in parts:
        if not is_whole(reading, block) and reading.layout not in found:
            digest = digest_part(block, reading, owner)
            if digest is not None:
                found[reading.layout] = digest
    return found
