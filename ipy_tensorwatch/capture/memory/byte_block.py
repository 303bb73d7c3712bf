"""Runs of bytes that somebody else owns: read while the owner is held, or by a call that fails where memory is gone."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash

from ..tensors import plain_reads
from ..tensors.read_tensor import array_extent, owner_of
from .raw_memory import CAN_FETCH, MAX_SPANS, SCRATCH, Scratch, fetch_into, span, store, window, write_spans

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from ...core.model.reading import Reading

    Bytes = bytes | memoryview
    Runs = np.ndarray[Any, Any]

WHOLE_LIMIT = 1 << 16
"""Storages up to this size are watched whole, whichever part of them has a name."""
SMALL = 1 << 13
"""Up to this size it is quicker to copy bytes out with many others than to lay a buffer over them."""

_REFERENCES = 0x01
"""NumPy's flag of a type whose elements are counted references, `NPY_ITEM_REFCOUNT`."""
BATCH_COUNT = 512
BATCH_BYTES = 1 << 20
COPYING = 4
"""How many times over the bytes of small blocks count in a batch: these are copied, and have to fit in the scratch."""

_spare: list[Scratch] = []
"""Taken out while it is used, so that neither another thread nor a signal handler can write to it."""


@dataclass(slots=True)
class Block:
    """A run of bytes, and whether it is memory that someone else may have taken back.

    It is never changed; to say so would make each of them, and a training step makes hundreds, three times as dear.

    Attributes
    ----------
    low, room
        Where the bytes begin in their storage, and how large the storage is.
    foreign
        Not allocated by PyTorch or owned by a live array: a truncated memory map, a closed shared memory.
    owner
        Leads to the PyTorch storage; None for an array, which could not be resized while a weak reference leads to it.
    start, end
        The address of the storage, and where in it the bytes end.
    span
        The run as the operating system takes it.
    bytes_here
        A buffer over the bytes of a larger block; it keeps nobody alive, so it is touched only while the owner is held.
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
        """Work out what each look asks for."""
        self.start, self.end = self.address - self.low, self.low + self.nbytes
        self.span = span(self.address, self.nbytes)
        self.bytes_here = window(self.address, self.nbytes) if self.nbytes > SMALL and not self.foreign else None

    def union(self, other: Block) -> Block:
        """Span two runs of one storage."""
        low = min(self.low, other.low)
        high = max(self.low + self.nbytes, other.low + other.nbytes)
        return replace(self, address=self.start + low, low=low, nbytes=high - low)

    def part(self, low: int, nbytes: int) -> Block:
        """Cut it down to some of its bytes."""
        return replace(self, address=self.start + low, low=low, nbytes=nbytes)

    def hold(self, reference: weakref.ref[Any] | None = None) -> Any:  # noqa: ANN401  (a storage or an array)
        """Return the owner, to be held while the bytes are read; None where it is gone, elsewhere, or not known.

        Parameters
        ----------
        reference
            Leads to the owner, where the block itself does not.
        """
        if self.owner is None:
            owner = None if reference is None else reference()
            return owner if owner is not None and self.lies_in(owner) else None
        owner = self.owner()
        return owner if owner is not None and owner.data_ptr() == self.start and owner.nbytes() >= self.end else None

    def lies_in(self, owner: Any) -> bool:  # noqa: ANN401  (a storage or an array)
        """Return whether the bytes are still those of a storage or an array."""
        start, room = extent_of(owner)
        return start == self.start and self.end <= room

    def copy(self) -> Bytes | None:
        """Copy the bytes; None where they cannot be read."""
        return self.copy_runs(np.array([[0, self.nbytes]]))

    def copy_runs(self, runs: Runs) -> Bytes | None:
        """Copy some of the bytes, rows of an offset and a length; None where they cannot be read."""
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
        """Copy where the operating system offers no call that may fail."""
        owner = None if CAN_FETCH or self.foreign else self.hold()
        if owner is None:
            return None
        source = window(self.address, self.nbytes)
        return b"".join(bytes(source[low : low + size]) for low, size in runs.tolist())

    def window(self, owner: object = None) -> Any:  # noqa: ANN401
        """Return the bytes as a buffer: where they lie, if the owner is held and nobody can move them, else a copy."""
        return window(self.address, self.nbytes) if owner is not None and not self.foreign else self.copy()

    def digest(self, owner: object = None) -> bytes | None:
        """Digest the bytes, position-dependent, 128 bits; None where they cannot be read.

        Parameters
        ----------
        owner
            What `hold` gave, if nobody can free or move the bytes before this returns: then they need not be copied.
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
        """Write some of the bytes, and none between them; tell whether that could be."""
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
        """Copy the bytes out piece by piece; a piece is there until the next is asked for."""
        scratch = _spare.pop() if _spare else Scratch()
        try:
            for start in range(0, self.nbytes, SCRATCH):
                size = min(SCRATCH, self.nbytes - start)
                done = scratch.fetch(span(self.address + start, size), size)
                yield scratch.view[:size] if done == size else None
        finally:
            _spare.append(scratch)


def digest_held(blocks: Sequence[Block]) -> list[bytes | None]:
    """Digest larger blocks of which each owner is held meanwhile, while nobody else can free or move what it owns.

    None stands for one of which the owner is gone, elsewhere, or not known.
    """
    found: list[bytes | None] = []
    digest = xxhash.xxh3_128_digest
    for block in blocks:  # written out, for this is what a quiet cell waits for
        try:
            owner: Any = block.owner()  # type: ignore[misc]
            is_there = owner.data_ptr() == block.start and owner.nbytes() >= block.end
            found.append(digest(block.bytes_here) if is_there else None)
        except (AttributeError, TypeError):  # gone; an array, memory of somebody else's
            found.append(None)
    return found


def copy_held(block: Block) -> bytes | None:
    """Copy the bytes of a larger block of which the owner is held meanwhile; None as of `digest_held`."""
    try:
        owner: Any = block.owner()  # type: ignore[misc]
        return bytes(block.bytes_here) if owner.data_ptr() == block.start and owner.nbytes() >= block.end else None
    except (AttributeError, TypeError):
        return None


def fetch(write_spans: bytes, total: int, known: bytes | None = None) -> tuple[bytes | None, bytes | None]:
    """Copy many small runs of bytes, one behind the other; return their digest and, unless it is known, the bytes.

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


def digest_each(blocks: Sequence[Block], joined: bytes | None) -> Iterator[tuple[bytes | None, Bytes | None]]:
    """Digest many small blocks, which were fetched together if that could be, and give the bytes of each."""
    place = 0
    for block in blocks:
        data: Bytes | None = block.copy() if joined is None else joined[place : place + block.nbytes]
        place += block.nbytes
        yield (None if data is None else xxhash.xxh3_128_digest(data)), data


def batches(storages: Iterable[int], blocks: Mapping[int, Block]) -> Iterator[list[int]]:
    """Cut a run of storages into batches that are quick to digest, so that the clock is read often enough."""
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
    """Choose the bytes to watch for a reading: all of a small storage, of a large one what the reading spans."""
    if plain_reads.is_plain(thing):
        storage = plain_reads.storage_of(thing)
        start, room, foreign = reading.data_ptr - reading.low, storage.nbytes(), reading.storage not in own
        reference: weakref.ref[Any] | None = weakref.ref(storage)
    else:
        owner = owner_of(thing)
        keeper = plain_reads.storage_of(owner) if plain_reads.is_tensor(owner) else owner
        start, room, foreign = reading.storage_start, extent_of(keeper)[1], _is_foreign(owner, reading.storage, own)
        reference = None if plain_reads.is_ndarray(keeper) else weakref.ref(keeper)
    low, high = (0, room) if room <= WHOLE_LIMIT else (reading.low, reading.high)
    return Block(start + low, high - low, low, room, foreign, reference)


def holds_references(thing: Any) -> bool:  # noqa: ANN401  (a tensor or an array)
    """Tell an array whose bytes are references to objects or text, which nobody would own if they were copied."""
    if not plain_reads.is_ndarray(thing):
        return False
    dtype = plain_reads.array_dtype(thing)
    return bool(dtype.hasobject or dtype.flags & _REFERENCES)


def extent_of(owner: Any) -> tuple[int, int]:  # noqa: ANN401  (a storage or an array)
    """Return where the memory begins, and how large it is."""
    if plain_reads.is_ndarray(owner):
        low, high = array_extent(owner)
        return plain_reads.address_of(owner) + low, high - low
    return owner.data_ptr(), owner.nbytes()


def _is_foreign(owner: Any, storage: int, own: Container[int]) -> bool:  # noqa: ANN401
    """Return whether the memory of a tensor or array could be gone although the object is there."""
    return storage not in own if plain_reads.is_tensor(owner) else not plain_reads.array_flags(owner).owndata
