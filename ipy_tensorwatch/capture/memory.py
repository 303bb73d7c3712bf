"""Read bytes at an address, never through a pointer that could crash the kernel."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import xxhash

from ..core.overlap import lay_out
from . import bare
from .read import array_extent, owner_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    import numpy as np

    from ..core.reading import Reading

PIECE = 1 << 20
WHOLE_LIMIT = 1 << 16
"""Storages up to this size are watched whole, whichever part of them has a name."""


@dataclass(frozen=True, slots=True)
class Block:
    """A run of bytes, and whether it is memory that someone else may have taken back.

    Attributes
    ----------
    low, room
        Where the bytes begin in their storage, and how large the storage is.
    foreign
        Not allocated by PyTorch or owned by a live array: a truncated memory map, a closed shared memory. Such bytes
        are copied out by the operating system, which says no where a pointer would kill the kernel.
    """

    address: int
    nbytes: int
    low: int
    room: int
    foreign: bool
    window: Any = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Lay a buffer over the bytes; it keeps nothing alive, so it is used only while the owner is known to live."""
        if not self.foreign:
            object.__setattr__(self, "window", (ctypes.c_ubyte * self.nbytes).from_address(self.address))

    @property
    def start(self) -> int:
        """The address of the storage."""
        return self.address - self.low

    def union(self, other: Block) -> Block:
        """Span two runs of one storage."""
        low = min(self.low, other.low)
        high = max(self.low + self.nbytes, other.low + other.nbytes)
        return replace(self, address=self.start + low, low=low, nbytes=high - low)

    def copy(self) -> bytes | None:
        """Copy the bytes; None where they cannot be read."""
        if not self.foreign:
            return ctypes.string_at(self.address, self.nbytes)
        parts = list(self._pieces())
        return None if None in parts else b"".join(part for part in parts if part is not None)

    def digest(self) -> bytes | None:
        """Digest the bytes, position-dependent, 128 bits; None where they cannot be read."""
        if not self.foreign:
            return xxhash.xxh3_128_digest(self.window)
        hasher = xxhash.xxh3_128()
        for part in self._pieces():
            if part is None:
                return None
            hasher.update(part)
        return hasher.digest()

    def put(self, reading: Reading, elements: np.ndarray[Any, Any]) -> bool:
        """Write a reading's elements, rows of bytes, and none of the bytes between them; tell whether that could be."""
        if not self.foreign:
            lay_out(self.window, reading, reading.low - self.low)[...] = elements
            return True
        copy = bytearray(self.copy() or b"")
        if len(copy) != self.nbytes:
            return False
        lay_out(copy, reading, reading.low - self.low)[...] = elements
        return _copy_in(self.address, bytes(copy))

    def _pieces(self) -> Any:  # noqa: ANN401
        for start in range(0, self.nbytes, PIECE):
            yield _copy_out(self.address + start, min(PIECE, self.nbytes - start))


def block_of(thing: Any, reading: Reading, own: Container[int]) -> Block:  # noqa: ANN401  (a tensor or an array)
    """Choose the bytes to watch for a reading: all of a small storage, of a large one what the reading spans."""
    start, owner = reading.storage_start, owner_of(thing)
    room = _room(owner)
    low, high = (0, room) if room <= WHOLE_LIMIT else (reading.low, reading.high)
    return Block(start + low, high - low, low, room, _is_foreign(owner, reading.storage, own))


def _room(owner: Any) -> int:  # noqa: ANN401
    if bare.is_tensor(owner):
        return bare.storage_of(owner).nbytes()
    low, high = array_extent(owner)
    return high - low


def _is_foreign(owner: Any, storage: int, own: Container[int]) -> bool:  # noqa: ANN401
    """Tell whether the memory of a tensor or array could be gone although the object is there."""
    return storage not in own if bare.is_tensor(owner) else not bare.array_flags(owner).owndata


class _Span(ctypes.Structure):
    _fields_ = (("address", ctypes.c_void_p), ("length", ctypes.c_size_t))


def _system_call(name: str) -> Callable[[int, int, int], bool]:
    """Find a system call that copies memory and answers an error where a pointer would fault; only Linux has them."""
    if not sys.platform.startswith("linux"):
        return lambda _local, _remote, _length: False
    call = getattr(ctypes.CDLL(None, use_errno=True), name)
    call.argtypes = (ctypes.c_int, *(ctypes.c_void_p, ctypes.c_ulong) * 2, ctypes.c_ulong)
    call.restype = ctypes.c_ssize_t

    def copy(local: int, remote: int, length: int) -> bool:
        here, there = _Span(local, length), _Span(remote, length)
        return bool(call(os.getpid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0) == length)

    return copy


_read_from, _write_to = _system_call("process_vm_readv"), _system_call("process_vm_writev")


def _copy_out(address: int, length: int) -> bytes | None:
    target = ctypes.create_string_buffer(length)
    return target.raw if _read_from(ctypes.addressof(target), address, length) else None


def _copy_in(address: int, data: bytes) -> bool:
    source = ctypes.create_string_buffer(data, len(data))
    return _write_to(ctypes.addressof(source), address, len(data))
