"""Remember what the bytes of every watched storage were, and find out which ones differ now."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xxhash

from ..core.overlap import lay_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ..core.reading import Reading
    from .memory import Block

COPY_LIMIT = 1 << 16
"""Storages up to this size keep a copy, so that the elements that changed can be counted."""
COPY_TOTAL = 1 << 26
BATCH_COUNT = 128
BATCH_BYTES = 1 << 20
BANDWIDTH = 10e9
"""Bytes per second that a digest is sure to reach; only used to guess whether a storage fits the budget."""

Outcome = Literal["changed", "new", "skipped", "unreadable"]
Part = tuple[int, tuple[int, ...], tuple[int, ...], int]


@dataclass(frozen=True, slots=True)
class Mark:
    """What is remembered of one storage's bytes.

    Attributes
    ----------
    copy
        The bytes themselves, where they are few.
    parts
        Where they are many: the digests of the views that cover less than the block, by their layout.
    """

    block: Block
    digest: bytes
    copy: bytes | None
    parts: Mapping[Part, bytes]

    @classmethod
    def of(cls, block: Block, digest: bytes = b"") -> Mark | None:
        """Copy the bytes as they are now; None where they cannot be read."""
        copy = block.copy()
        return None if copy is None else cls(block, digest, copy, {})

    def elements(self, reading: Reading) -> np.ndarray[Any, Any] | None:
        """Lay a reading's elements over the copy, as rows of bytes; None without a copy."""
        start = reading.low - self.block.low
        if self.copy is None or start < 0 or start + reading.high - reading.low > len(self.copy):
            return None
        return lay_out(self.copy, reading, start)

    def part_digest(self, reading: Reading) -> bytes | None:
        """Return the digest of a reading's elements; None where it was not taken."""
        if reading.is_dense and (reading.low, reading.high) == (self.block.low, self.block.low + self.block.nbytes):
            return self.digest
        return self.parts.get(reading.layout)


def elements_now(block: Block, reading: Reading) -> np.ndarray[Any, Any] | None:
    """Copy a reading's elements as they are now, as rows of bytes; None where they cannot be read."""
    now = Mark.of(block)
    return now.elements(reading) if now else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one storage's bytes; `before` is None for a storage that was not known."""

    outcome: Outcome
    before: Mark | None
    after: Mark | None
    since: int | None = None


@dataclass(slots=True)
class Budget:
    """Seconds that may be spent on bytes; what a cell leaves over is saved for the next, up to a cap."""

    limit: float = 1.0
    credit: float = 0.0
    spent: float = 0.0

    def grant(self, seconds: float) -> None:
        """Add a cell's allowance."""
        self.credit = min(max(self.limit, seconds), self.credit + seconds)
        self.spent = 0.0

    def affords(self, nbytes: int) -> bool:
        """Guess whether so many bytes can still be compared."""
        return self.credit > nbytes / BANDWIDTH

    def pay(self, seconds: float) -> None:
        """Take what was spent off the credit."""
        self.credit -= seconds
        self.spent += seconds


@dataclass(slots=True)
class Fingerprints:
    """The marks of all watched storages, by storage serial.

    Attributes
    ----------
    waiting
        Storages that the budget did not reach, with the cell after which their bytes were last known.
    """

    marks: dict[int, Mark] = field(default_factory=dict)
    waiting: dict[int, int] = field(default_factory=dict)
    copied: int = 0

    def compare(
        self,
        blocks: Mapping[int, Block],
        urgent: set[int],
        cell: int,
        budget: Budget,
        parts: Callable[[int], Iterable[Reading]],
    ) -> dict[int, Verdict]:
        """Compare storages with their marks, the urgent and the longest unseen first, until the budget is spent.

        Storages whose bytes are the same get no verdict: that is the ordinary answer.
        """
        verdicts: dict[int, Verdict] = {}
        for batch in _batches(self._in_order(blocks, urgent), blocks):
            if not budget.affords(sum(blocks[storage].nbytes for storage in batch)):
                verdicts.update((storage, self._skip(storage, cell)) for storage in batch)
                continue
            start = time.thread_time()
            for storage, digest in self._differing(batch, blocks):
                verdicts[storage] = self._judge(storage, blocks[storage], digest, parts)
            for storage in self.waiting.keys() & batch:
                del self.waiting[storage]
            budget.pay(time.thread_time() - start)
        return verdicts

    def forget_all_but(self, storages: Iterable[int]) -> None:
        """Drop the marks of storages that are not watched any more."""
        for gone in self.marks.keys() - storages:
            self._drop(gone)
            self.waiting.pop(gone, None)

    def _skip(self, storage: int, cell: int) -> Verdict:
        since = self.waiting.setdefault(storage, cell - 1)
        return Verdict("skipped", self.marks.get(storage), None, since)

    def _in_order(self, blocks: Mapping[int, Block], urgent: set[int]) -> Iterable[int]:
        first = [storage for storage in blocks if storage in urgent]
        late = [storage for storage in self.waiting if storage in blocks and storage not in urgent]
        if not first and not late:
            return blocks
        done = {*first, *late}
        return [*first, *late, *(storage for storage in blocks if storage not in done)]

    def _differing(self, batch: list[int], blocks: Mapping[int, Block]) -> list[tuple[int, bytes | None]]:
        """Digest a batch in one go where every storage has a window, which is the hot path."""
        marks = self.marks
        try:
            digests = [*map(xxhash.xxh3_128_digest, [blocks[storage].window for storage in batch])]
            return [
                (storage, digest)
                for storage, digest in zip(batch, digests, strict=True)
                if digest != (mark := marks[storage]).digest or mark.block is not blocks[storage]
            ]
        except (KeyError, TypeError):  # a storage not seen before, or one without a window
            slowly = [(storage, blocks[storage].digest()) for storage in batch]
            return [(storage, digest) for storage, digest in slowly if self._differs(storage, blocks[storage], digest)]

    def _differs(self, storage: int, block: Block, digest: bytes | None) -> bool:
        mark = self.marks.get(storage)
        return mark is None or mark.block != block or digest != mark.digest

    def _judge(
        self, storage: int, block: Block, digest: bytes | None, parts: Callable[[int], Iterable[Reading]]
    ) -> Verdict:
        before, since = self.marks.get(storage), self.waiting.get(storage)
        if before and before.block == block:
            same = before.digest == digest
        elif before and before.block.start == block.start and not _reaches_out(before.block, block):
            same = before.block.digest() == before.digest
        else:
            same = False
        self._drop(storage)
        after = self._look(block, digest, parts(storage))
        if after is None:
            return Verdict("unreadable", before, None, since)
        self.marks[storage] = after
        self.copied += len(after.copy or b"")
        return Verdict("new" if before is None or same else "changed", before, after, since)

    def _look(self, block: Block, digest: bytes | None, parts: Iterable[Reading]) -> Mark | None:
        if digest is None:
            return None
        if block.nbytes <= COPY_LIMIT and self.copied + block.nbytes <= COPY_TOTAL:
            return Mark.of(block, digest)
        return Mark(block, digest, None, _part_digests(block, parts))

    def _drop(self, storage: int) -> None:
        mark = self.marks.pop(storage, None)
        self.copied -= len(mark.copy or b"") if mark else 0


def _reaches_out(old: Block, new: Block) -> bool:
    """Tell whether the old run of bytes no longer lies in the storage, so that reading it is not safe."""
    return old.low + old.nbytes > new.room


def _part_digests(block: Block, parts: Iterable[Reading]) -> dict[Part, bytes]:
    if block.foreign:
        return {}
    found: dict[Part, bytes] = {}
    for reading in parts:
        whole = reading.is_dense and reading.high - reading.low == block.nbytes
        if not whole and reading.layout not in found:
            elements = lay_out(block.window, reading, reading.low - block.low)
            found[reading.layout] = xxhash.xxh3_128_digest(np.ascontiguousarray(elements).data)
    return found


def _batches(storages: Iterable[int], blocks: Mapping[int, Block]) -> Iterator[list[int]]:
    """Cut a run of storages into batches that are quick to hash, so that the clock is read often enough."""
    batch: list[int] = []
    size = 0
    for storage in storages:
        batch.append(storage)
        size += blocks[storage].nbytes
        if len(batch) == BATCH_COUNT or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
