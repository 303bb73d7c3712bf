"""One piece of frozen memory: its bytes as they were, and how they are put back."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..core.freezing import FrozenRecord
from ..core.reading import extent
from .fingerprint import Mark, elements_now
from .memory import Block, block_of
from .read import address_of, is_laid_out_as, owner_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from ..core.reading import Reading


@dataclass(slots=True, eq=False)
class Frozen:
    """One frozen tensor or array; it keeps neither it nor its storage alive.

    Attributes
    ----------
    owner, thing
        Weak references to the storage (the array that owns the memory) and to the tensor. The one to the tensor makes
        `torch.utils.swap_tensors` refuse, as it should here.
    mark
        The bytes that its elements span; None where they cannot be read.
    """

    path: str
    cell: int | None
    reading: Reading
    owner: weakref.ref[Any]
    thing: weakref.ref[Any]
    mark: Mark | None

    @classmethod
    def of(cls, path: str, cell: int | None, thing: Any, reading: Reading, own: Container[int]) -> Frozen:  # noqa: ANN401
        """Take a copy of the bytes of a tensor or array."""
        owner = owner_of(thing)
        owner = owner.untyped_storage() if isinstance(owner, torch.Tensor) else owner
        block = _span(block_of(thing, reading, own), reading) if reading.device == "cpu" else None
        mark = Mark.of(block, block.digest() or b"") if block else None
        return cls(path, cell, reading, weakref.ref(owner), weakref.ref(thing), mark)

    def on_release(self, release: Callable[[object], object]) -> None:
        """Call `release` when the tensor is gone, and when its storage is."""
        owner, thing = self.owner(), self.thing()
        if owner is not None and thing is not None:
            self.owner, self.thing = weakref.ref(owner, release), weakref.ref(thing, release)

    @property
    def is_gone(self) -> bool:
        """Whether nobody can reach the memory any more, nor the tensor that led to it."""
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
            is_kept=self.mark is not None,
        )

    def here(self) -> Reading | None:
        """Tell where its elements lie now; None where its storage is gone or was cut."""
        owner = self.owner()
        if owner is None:
            return None
        start, room = _place(owner)
        moved = start - self.reading.storage_start
        return self.reading._replace(data_ptr=self.reading.data_ptr + moved) if room >= self.reading.high else None

    def mend(self) -> bool:
        """Put back what was written where no operator could be stopped; tell whether anything was."""
        if self.mark is None:
            return False
        moved = self._reseat(self.mark)
        here = self.here() or self._enlarge(self.mark)
        if here is None:
            return moved
        block = replace(self.mark.block, address=here.address)
        digest = block.digest()
        if digest is None or digest == self.mark.digest:
            return moved
        return self._compare(block, digest, self.mark) or moved

    def _compare(self, block: Block, digest: bytes, mark: Mark) -> bool:
        """Compare the elements: what lies between them belongs to others, who may write there."""
        now, kept = elements_now(block, self.reading), mark.elements(self.reading)
        if now is None or kept is None:
            return False
        if np.array_equal(now, kept):
            self.mark = replace(mark, digest=digest)
            return False
        block.put(self.reading, kept)
        return True

    def _reseat(self, mark: Mark) -> bool:
        """Lead the tensor back to its memory where an assignment to `.data` has given it another."""
        tensor, storage = self.thing(), self.owner()
        if not isinstance(tensor, torch.Tensor) or self._is_seated(tensor, storage):
            return False
        if storage is None:  # nobody but this tensor held it, so nobody shared it either
            storage = torch.UntypedStorage(mark.block.room)
        item, kind = self.reading.itemsize, getattr(torch, self.reading.dtype.removeprefix("torch."))
        strides = [stride // item for stride in self.reading.strides]
        seat = torch.empty(0, dtype=kind).set_(storage, self.reading.low // item, self.reading.shape, strides)
        tensor.data = seat
        self.owner = weakref.ref(tensor.untyped_storage())
        return True

    def _is_seated(self, tensor: torch.Tensor, storage: object) -> bool:
        offset = int(tensor.storage_offset()) * tensor.element_size()
        same = tensor.untyped_storage() is storage
        return same and offset == self.reading.low and is_laid_out_as(tensor, self.reading)

    def _enlarge(self, mark: Mark) -> Reading | None:
        storage = self.owner()
        if isinstance(storage, torch.UntypedStorage):
            storage.resize_(mark.block.room)
        return self.here()


def _span(block: Block, reading: Reading) -> Block:
    """Cut a run of bytes down to those that a reading spans."""
    return replace(block, address=block.start + reading.low, low=reading.low, nbytes=reading.high - reading.low)


def _place(owner: Any) -> tuple[int, int]:  # noqa: ANN401  (a storage or an array)
    """Tell where the memory begins, and how large it is."""
    if isinstance(owner, torch.UntypedStorage):
        return owner.data_ptr(), owner.nbytes()
    low, high = extent(owner.shape, owner.strides, owner.itemsize)
    return address_of(owner) + low, high - low
