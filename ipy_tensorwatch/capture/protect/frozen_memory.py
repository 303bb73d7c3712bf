"""One piece of frozen memory: its kept bytes, and how they are restored."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xxhash

from ...core.memory.footprint import footprint_of
from ...core.records.freezing import FrozenRecord
from ...core.runtime.record import mutable, record
from ..compare.compare_bytes import digest_part
from ..device.accelerator_api import ask
from ..memory.byte_block import Block, block_of, extent_of
from ..memory.raw_memory import mapping_at
from ..objects.inspect_object import is_a
from ..runtime.threads import is_alone
from ..tensors.plain_reads import is_tensor, storage_of
from ..tensors.read_tensor import is_laid_out_as, owner_of
from .frozen_on_device import FrozenOnDevice

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from ...core.records.reading import Reading
    from ..memory.byte_block import Bytes, Runs

_NOTHING = np.zeros((0, 2), np.int64)


@record(kw_only=False)
class FrozenBytes:
    """The bytes that the elements of a tensor cover, and their place.

    Attributes
    ----------
    runs
        Rows of (offset, length), in bytes.
    home
        The file mapped at foreign memory: if another one is mapped there, nothing is written.
    """

    block: Block
    runs: Runs
    data: Bytes
    digest: bytes
    home: str

    @classmethod
    def of(cls, block: Block, reading: Reading) -> FrozenBytes | None:
        """Copy the bytes; None if they cannot be read, or are too scattered."""
        footprint = footprint_of(reading)
        runs = footprint.runs() if footprint else None if reading.nbytes else _NOTHING
        data = None if runs is None else block.copy_runs(runs)
        if runs is None or data is None:
            return None
        return cls(block, runs, data, xxhash.xxh3_128_digest(data), mapping_at(block.address) if block.foreign else "")

    def put_back(self, block: Block) -> bool:
        """Write the bytes back to their present place; return whether they are there."""
        if block.foreign and mapping_at(block.address) != self.home:
            return False
        return block.write(self.runs, self.data)


@mutable(eq=False)
class Frozen:
    """One frozen tensor or array; neither it nor its storage is kept alive.

    Attributes
    ----------
    owner, thing
        Weak references to the storage (the array that owns the memory) and to the tensor. The one to the tensor makes
        `torch.utils.swap_tensors` refuse, as it should here.
    kept, on_device
        Its bytes, on the host or on its device; None if they cannot be read there.
    is_lost
        Whether it was written and its bytes could not be restored.
    """

    path: str
    cell: int | None
    reading: Reading
    owner: weakref.ref[Any]
    thing: weakref.ref[Any]
    kept: FrozenBytes | None
    on_device: FrozenOnDevice | None = None
    is_lost: bool = False

    @classmethod
    def of(cls, path: str, cell: int | None, thing: Any, reading: Reading, own: Container[int]) -> Frozen:  # noqa: ANN401
        """Copy the bytes of a tensor or array."""
        owner = owner_of(thing)
        owner = storage_of(owner) if is_tensor(owner) else owner
        if reading.device != "cpu":
            on_device = ask(FrozenOnDevice.of, owner, reading, default=None)
            return cls(path, cell, reading, weakref.ref(owner), weakref.ref(thing), None, on_device)
        block = block_of(thing, reading, own)
        kept = FrozenBytes.of(block.part(reading.low, reading.high - reading.low), reading)
        return cls(path, cell, reading, weakref.ref(owner), weakref.ref(thing), kept)

    def on_release(self, release: Callable[[object], object]) -> None:
        """Call `release` when the tensor dies, and when its storage dies."""
        owner, thing = self.owner(), self.thing()
        if owner is not None and thing is not None:
            self.owner, self.thing = weakref.ref(owner, release), weakref.ref(thing, release)

    @property
    def is_gone(self) -> bool:
        """Whether the memory, or the tensor that led to it, is unreachable."""
        return self.owner() is None and self.thing() is None

    def record(self) -> FrozenRecord:
        """Describe it without holding it."""
        return FrozenRecord(
            path=self.path,
            cell=self.cell,
            shape=self.reading.shape,
            dtype=self.reading.dtype,
            device=self.reading.device,
            nbytes=self.reading.nbytes,
            is_kept=self.kept is not None or self.on_device is not None,
        )

    def here(self) -> Reading | None:
        """Return the present reading of its elements; None if its storage was freed or cut."""
        owner = self.owner()
        if owner is None:
            return None
        start, room = extent_of(owner)
        moved = start - self.reading.storage_start
        return self.reading._replace(data_ptr=self.reading.data_ptr + moved) if room >= self.reading.high else None

    def mend(self) -> bool:
        """Restore bytes written without an operator; return whether there were any."""
        if self.on_device is not None:
            return self._mend_on_device(self.on_device)
        if self.kept is None:
            return False
        moved = self._reseat(self.kept)
        here = self.here() or self._enlarge(self.kept)
        if here is None:
            return moved
        owner = self.owner()  # held while its bytes are read and written
        block = replace(self.kept.block, address=here.address)
        digest = digest_part(block, self.reading, owner if is_alone() else None) if self.reading.nbytes else None
        if digest is None or digest == self.kept.digest:
            return moved
        self.is_lost = not self.kept.put_back(block)
        return True

    def _mend_on_device(self, kept: FrozenOnDevice) -> bool:
        """Put back the bytes on a device, and the tensor in its memory while another tensor holds that."""
        owner = self.owner()
        moved = owner is not None and self._seat_in(owner)
        here = self.here()
        return (
            owner is not None and here is not None and ask(kept.mend, owner, self.reading.low, default=False)
        ) or moved

    def _reseat(self, kept: FrozenBytes) -> bool:
        """Point the tensor back to its memory if an assignment to `.data` replaced it."""
        storage = self.owner()
        if not is_tensor(self.thing()):
            return False
        if storage is None:  # only this tensor held it, so no other shared it
            storage = torch.UntypedStorage(kept.block.room)
        return self._seat_in(storage)

    def _seat_in(self, storage: Any) -> bool:  # noqa: ANN401
        """Give the tensor this memory if it has other memory; return whether it had."""
        tensor: Any = self.thing()
        if not is_tensor(tensor) or self._is_seated(tensor, storage):
            return False
        item, kind = self.reading.itemsize, getattr(torch, self.reading.dtype.removeprefix("torch."))
        strides = [stride // item for stride in self.reading.strides]
        empty = torch.empty(0, dtype=kind, device=storage.device)
        tensor.data = empty.set_(storage, self.reading.low // item, self.reading.shape, strides)
        self.owner = weakref.ref(tensor.untyped_storage())
        return True

    def _is_seated(self, tensor: torch.Tensor, storage: object) -> bool:
        offset = int(tensor.storage_offset()) * tensor.element_size()
        same = tensor.untyped_storage() is storage
        return same and offset == self.reading.low and is_laid_out_as(tensor, self.reading)

    def _enlarge(self, kept: FrozenBytes) -> Reading | None:
        storage: Any = self.owner()
        if is_a(type(storage), torch.UntypedStorage):
            storage.resize_(kept.block.room)
        return self.here()
