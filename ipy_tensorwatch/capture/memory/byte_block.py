"""Runs of bytes with another owner: read while the owner is held, or by a system call that fails for freed memory."""

from __future__ import annotations

import weakref
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash

from ...core.runtime.record import field, mutable
from ..tensors import plain_reads
from ..tensors.read_tensor import array_extent, owner_of
from .raw_memory import CAN_FETCH, MAX_SPANS, SCRATCH, Scratch, fetch_into, span, store, window, write_spans

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    import torch

    from ...core.records.reading import Reading

    Bytes = bytes | memoryview
    Runs = np.ndarray[Any, Any]

WHOLE_LIMIT = 1 << 16
"""Storages up to this size, in bytes, are watched whole, whichever part has a name."""
SMALL = 1 << 13
"""Up to this size, in bytes, copying with many others is faster than making a buffer."""

_REFERENCES = 0x01
"""NumPy's flag of a dtype whose elements are counted references, `NPY_ITEM_REFCOUNT`."""
BATCH_COUNT = 512
BATCH_BYTES = 1 << 20
COPYING = 4
"""The weight of small blocks' bytes in a batch: they are copied, and must fit in the scratch."""

_spare: list[Scratch] = []
"""Removed while in use, so that neither another thread nor a signal handler can write to it."""


@mutable
class Block:
    """A run of bytes, and whether another owner may free its memory.

    Immutable, but not declared frozen: that triples the cost of making one, and a training step makes hundreds.

    Attributes
    ----------
    low, room
        The offset of the bytes in their storage, and the size of the storage.
    foreign
        Neither allocated by PyTorch nor owned by a live array: a memory map, a shared memory.
    owner
        A weak reference to the PyTorch storage; None for an array, which a weak reference would keep from resizing.
    start, end
        The address of the storage, and the end offset of the bytes in it.
    span
        The run as a span of the system call.
    bytes_here
        A buffer over the bytes of a large block; it does not own them, so it is used only while the owner is held.
    """

    address: int
    nbytes: int
    low: int
    room: int
    foreign: bool
    owner: weakref.ref[Any] | None = field(default=None, compare=False, repr=False)
    start: int = field(init=False, compare=False, repr=False)
    end: int = field(init=False, compare=False, repr=False)
    span: bytes = field(init=False, compare=False, repr=False)
    bytes_here: Any = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Compute what each look needs."""
        self.start, self.end = self.address - self.low, self.low + self.nbytes
        self.span = span(self.address, self.nbytes)
        self.bytes_here = window(self.address, self.nbytes) if self.nbytes > SMALL and not self.foreign else None

    def union(self, other: Block) -> Block:
        """Return the smallest run that contains two runs of one storage."""
        low = min(self.low, other.low)
        high = max(self.low + self.nbytes, other.low + other.nbytes)
        return replace(self, address=self.start + low, low=low, nbytes=high - low)

    def part(self, low: int, nbytes: int) -> Block:
        """Return a sub-run, in offsets of the storage."""
        return replace(self, address=self.start + low, low=low, nbytes=nbytes)

    def hold(self, reference: weakref.ref[Any] | None = None) -> Any:  # noqa: ANN401  (a storage or an array)
        """Return the owner, to be held while the bytes are read; None if it is gone, moved, or not known.

        Parameters
        ----------
        reference
            A weak reference to the owner, if the block has none.
        """
        if self.owner is None:
            owner = None if reference is None else reference()
            return owner if owner is not None and self.lies_in(owner) else None
        owner = self.owner()
        return owner if owner is not None and owner.data_ptr() == self.start and owner.nbytes() >= self.end else None

    def lies_in(self, owner: Any) -> bool:  # noqa: ANN401  (a storage or an array)
        """Return whether the bytes are still inside the memory of an owner."""
        start, room = extent_of(owner)
        return start == self.start and self.end <= room

    def copy(self) -> Bytes | None:
        """Copy the bytes; None if they cannot be read."""
        return self.copy_runs(np.array([[0, self.nbytes]]))

    def copy_runs(self, runs: Runs) -> Bytes | None:
        """Copy some of the bytes, rows of (offset, length); None if they cannot be read."""
        total = int(runs[:, 1].sum())
        target = np.empty(total, np.uint8)
        place = 0
        for first in range(0, len(runs), MAX_SPANS):
            part = runs[first : first + MAX_SPANS]
            size = int(part[:, 1].sum())
            if fetch_into(target[place : place + size], write_spans(self.address, part)) != size:
                return self._copy_held(runs)
            place += size
        return target.tobytes() if total <= WHOLE_LIMIT else target.data

    def _copy_held(self, runs: Runs) -> Bytes | None:
        """Copy while the owner is held, if the operating system has no call that fails safely."""
        owner = None if CAN_FETCH or self.foreign else self.hold()
        if owner is None:
            return None
        source = window(self.address, self.nbytes)
        return b"".join(bytes(source[low : low + size]) for low, size in runs.tolist())

    def window(self, owner: object = None) -> Any:  # noqa: ANN401
        """Return the bytes as a buffer: in place if the owner is held and nobody can move them, else a copy."""
        return window(self.address, self.nbytes) if owner is not None and not self.foreign else self.copy()

    def digest(self, owner: object = None) -> bytes | None:
        """Digest the bytes (128 bits, position-dependent); None if they cannot be read.

        Parameters
        ----------
        owner
            The result of `hold`, if nobody can free or move the bytes meanwhile: then they are not copied.
        """
        if owner is not None and not self.foreign and self.nbytes:
            return xxhash.xxh3_128_digest(self.bytes_here or window(self.address, self.nbytes))
        hasher = xxhash.xxh3_128()
        for piece in self._pieces():
            if piece is None:
                return None
            hasher.update(piece)
        return hasher.digest()

    def write(self, runs: Runs, data: Bytes) -> bool:
        """Write some of the bytes, and none between them; return whether this succeeded."""
        if store(write_spans(self.address, runs), data):
            return self.copy_runs(runs) == data
        owner = None if CAN_FETCH or self.foreign else self.hold()
        if owner is None:
            return False
        target, place = np.frombuffer(window(self.address, self.nbytes), np.uint8), 0
        for low, size in runs.tolist():
            target[low : low + size] = np.frombuffer(data, np.uint8, size, place)
            place += size
        return True

    def _pieces(self) -> Iterator[memoryview | None]:
        """Yield copies of the bytes piece by piece; a piece is valid until the next one is requested."""
        scratch = _spare.pop() if _spare else Scratch()
        try:
            for start in range(0, self.nbytes, SCRATCH):
                size = min(SCRATCH, self.nbytes - start)
                done = scratch.fetch(span(self.address + start, size), size)
                yield scratch.view[:size] if done == size else None
        finally:
            _spare.append(scratch)


def digest_held(
    blocks: Sequence[Block], known: Sequence[bytes | None], limit: int
) -> list[tuple[bytes | None, Bytes | None]]:
    """Digest large blocks whose owners are held, while nobody else can free or move their memory.

    Parameters
    ----------
    known
        The last digest of each.
    limit
        Blocks up to this size, in bytes, are copied too if they have another digest.

    Returns
    -------
    list
        The digest and the copy of each; None for a digest if the block's owner is gone, moved, or not known.
    """
    found: list[tuple[bytes | None, Bytes | None]] = []
    digest = xxhash.xxh3_128_digest
    for block, last in zip(blocks, known, strict=True):  # inlined, for this is the cost of a cell without changes
        try:
            owner: Any = block.owner()  # type: ignore[misc]
            is_there = owner.data_ptr() == block.start and owner.nbytes() >= block.end
            now = digest(block.bytes_here) if is_there else None
            found.append((now, bytes(block.bytes_here) if now and now != last and block.nbytes <= limit else None))
        except (AttributeError, TypeError):  # freed, or an array over foreign memory
            found.append((None, None))
    return found


def fetch(write_spans: bytes, total: int, known: bytes | None = None) -> tuple[bytes | None, bytes | None]:
    """Copy many small runs, concatenated; return their digest and, unless it is `known`, the bytes.

    None stands for what cannot be read.
    """
    scratch = _spare.pop() if _spare else Scratch()
    try:
        if scratch.fetch(write_spans, total) != total:
            return None, None
        digest = xxhash.xxh3_128_digest(scratch.view[:total])
        return digest, None if digest == known else scratch.view[:total].tobytes()
    finally:
        _spare.append(scratch)


def digest_each(blocks: Sequence[Block], joined: bytes | None) -> tuple[list[bytes | None], list[Bytes | None]]:
    """Return the digest and the bytes of each of many small blocks, from their joined bytes if available."""
    if joined is None:
        copies = [block.copy() for block in blocks]
        return [None if data is None else xxhash.xxh3_128_digest(data) for data in copies], copies
    ends = [*accumulate([block.nbytes for block in blocks])]
    pieces = [joined[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return [*map(xxhash.xxh3_128_digest, pieces)], [*pieces]


def batches(storages: Iterable[int], blocks: Mapping[int, Block]) -> Iterator[list[int]]:
    """Split storages into batches that are quick to digest, so that the clock is read often enough."""
    batch: list[int] = []
    size = 0
    for storage in storages:
        batch.append(storage)
        nbytes = blocks[storage].nbytes
        size += nbytes if nbytes > SMALL else COPYING * nbytes
        if len(batch) == BATCH_COUNT or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def block_of(thing: Any, reading: Reading, own: Container[int]) -> Block:  # noqa: ANN401  (a tensor or an array)
    """Return the bytes to watch for a reading: all of a small storage, the reading's span of a large one."""
    if plain_reads.is_plain(thing):
        return block_in(plain_reads.storage_of(thing), reading, foreign=reading.storage not in own)
    owner = owner_of(thing)
    keeper = plain_reads.storage_of(owner) if plain_reads.is_tensor(owner) else owner
    start, room, foreign = reading.storage_start, extent_of(keeper)[1], _is_foreign(owner, reading.storage, own)
    reference = None if plain_reads.is_ndarray(keeper) else weakref.ref(keeper)
    low, high = (0, room) if room <= WHOLE_LIMIT else (reading.low, reading.high)
    return Block(start + low, high - low, low, room, foreign, reference)


def block_in(storage: torch.UntypedStorage, reading: Reading, *, foreign: bool) -> Block:
    """Return the bytes to watch for a tensor of PyTorch's own types."""
    start, room = reading.data_ptr - reading.low, storage.nbytes()
    low, high = (0, room) if room <= WHOLE_LIMIT else (reading.low, reading.high)
    return Block(start + low, high - low, low, room, foreign, weakref.ref(storage))


def holds_references(thing: Any) -> bool:  # noqa: ANN401  (a tensor or an array)
    """Return whether an array's bytes are object references, which copying would not count."""
    if not plain_reads.is_ndarray(thing):
        return False
    dtype = plain_reads.array_dtype(thing)
    return bool(dtype.hasobject or dtype.flags & _REFERENCES)


def extent_of(owner: Any) -> tuple[int, int]:  # noqa: ANN401  (a storage or an array)
    """Return the address and size of an owner's memory."""
    if plain_reads.is_ndarray(owner):
        low, high = array_extent(owner)
        return plain_reads.address_of(owner) + low, high - low
    return owner.data_ptr(), owner.nbytes()


def _is_foreign(owner: Any, storage: int, own: Container[int]) -> bool:  # noqa: ANN401
    """Return whether the memory of a tensor or array can be freed while the object exists."""
    return storage not in own if plain_reads.is_tensor(owner) else not plain_reads.array_flags(owner).owndata
