"""One storage that is read while a cell runs, and its earlier bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
import xxhash

from ....core.runtime.record import field, mutable
from ...compare.byte_history import Period
from ...compare.compare_bytes import StorageMark
from ...compare.dense_count import is_row_major
from ...memory.byte_block import extent_of
from ...objects.inspect_object import is_a
from ...runtime.threads import is_alone

if TYPE_CHECKING:
    import weakref
    from collections.abc import Iterator

    from ....core.records.snapshots.snapshot import Snapshot
    from ...memory.byte_block import Block, Bytes


class ByteMask(NamedTuple):
    """The mask of differing bytes between two copies, computed on demand."""

    old: Bytes
    new: Bytes

    def tobytes(self) -> bytes:
        """Return 1 or 0 for each byte."""
        differs: np.ndarray[Any, Any] = np.frombuffer(self.old, np.uint8) != np.frombuffer(self.new, np.uint8)
        return differs.tobytes()


class Rewritten(NamedTuple):
    """One storage whose bytes differ from those at the look `since`."""

    storage: int
    since: int
    mask: ByteMask | None
    low: int


@mutable
class Watched:
    """One storage: its last bytes, the looks that saw them, and its earlier bytes.

    Attributes
    ----------
    is_new
        Whether the cell made it.
    """

    reference: weakref.ref[Any]
    block: Block
    digest: bytes | None
    copy: Bytes | None
    first: int = 0
    look_number: int = 0
    periods: list[Period] = field(default_factory=list)
    is_new: bool = False

    def find(self) -> bool:
        """Return whether the bytes are still there, even if `resize_` moved them."""
        owner = self.reference()
        if not is_storage(owner):
            return owner is not None
        start, size = extent_of(owner)
        if start != self.block.start and size >= self.block.low + self.block.nbytes:
            self.block = replace(self.block, address=start + self.block.low, room=size)
        return start == self.block.start and size >= self.block.low + self.block.nbytes

    def read(self, *, is_alone: bool) -> tuple[bytes | None, Bytes | None]:
        """Digest the bytes, and copy them if copies of this storage are kept."""
        if self.copy is None:
            return self.block.digest(self.block.hold(self.reference) if is_alone else None), None
        copy = self.block.copy()
        return (None if copy is None else xxhash.xxh3_128_digest(copy)), copy

    def accept(self, storage: int, number: int, seen: StorageMark | None) -> Rewritten | None:
        """Record bytes that another reader has just read, if it read the same run."""
        is_kept = self.copy is not None
        if seen is None or seen.block != self.block or (is_kept and seen.copy is None):
            return self.look(storage, number, *self.read(is_alone=is_alone()))
        return self.look(storage, number, seen.digest, seen.copy if is_kept else None)

    def look(self, storage: int, number: int, digest: bytes | None, copy: Bytes | None) -> Rewritten | None:
        """Record bytes that were just read; a storage that moved meanwhile is left for the next look."""
        since = self.look_number
        if digest is None or digest == self.digest:
            self.look_number = number
            return None
        if not self._is_there():
            return None
        self.look_number = number
        old = self.copy
        self.periods += self.period(since)
        self.first, self.digest = number, digest
        self.copy = copy if old is not None else None
        return Rewritten(storage, since, differing_bytes(old, self.copy), self.block.low)

    def take_as_known(self, number: int, digest: bytes | None, copy: Bytes | None) -> None:
        """Record bytes that were on their way since an earlier look, as if they had been there then."""
        if digest is not None:
            self.look_number, self.digest = number, digest
            self.copy = copy if self.copy is not None else None

    def _is_there(self) -> bool:
        owner = self.reference()
        return owner is not None and self.block.lies_in(owner)

    def period(self, last: int) -> Iterator[Period]:
        """Yield the bytes up to a look as a period without change."""
        if self.digest is not None:
            yield Period(self.first, last, StorageMark(self.block, self.digest, self.copy, {}))


def is_storage(owner: object) -> bool:
    """Return whether an owner of memory is a PyTorch storage."""
    return type(owner) is torch.UntypedStorage or is_a(type(owner), torch.UntypedStorage)


def differing_bytes(old: Bytes | None, new: Bytes | None) -> ByteMask | None:
    """Return which bytes differ; None if either side is not known."""
    return None if old is None or new is None or len(old) != len(new) else ByteMask(old, new)


def lies_in_whole_readings(one: Rewritten, after: Snapshot) -> bool:
    """Return whether every path to a storage covers all of its bytes, so that the mask is irrelevant."""
    end = one.low + (len(one.mask.old) if one.mask else 0)
    for scene, place in after.by_storage.places(one.storage):
        reading = scene.readings[place]
        if not is_row_major(reading.shape, reading.strides, reading.itemsize):
            return False
        if reading.low > one.low or reading.high < end:
            return False
    return True
