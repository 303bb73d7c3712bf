"""A saved tensor, tracked without holding its memory, by its version counter and digests of its bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...core.runtime.record import mutable
from ..compare.compare_bytes import StorageMark, digest_part, is_whole
from ..runtime.threads import is_alone
from ..runtime.torch_private import data_address, version_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from ...core.hazards.overwritten.mask_only_backward import Mask
    from ...core.records.reading import Reading
    from ...core.records.trace.saved_tensor import SavedTensor


def digest_now(reading: Reading, mark: StorageMark | None) -> bytes | None:
    """Digest the bytes of a reading's elements in a storage that was just read; None if unknown."""
    if mark is None or reading.unknown:
        return None
    block, start = mark.block, reading.low - mark.block.low
    if start < 0 or start + reading.high - reading.low > block.nbytes:
        return None
    if mark.copy is not None or is_whole(reading, block) or reading.layout in mark.parts:
        return mark.part_digest(reading)
    return digest_part(block, reading, block.hold() if is_alone() else None)


def digest_then(reading: Reading, mark: StorageMark) -> bytes | None:
    """Digest the bytes of a reading's elements at an earlier look; None if too little was kept."""
    return mark.part_digest(reading) if mark.copy is None else digest_now(reading, mark)


@mutable
class TrackedTensor:
    """A tracked saved tensor.

    Attributes
    ----------
    digests
        Digests of all it may have held when saved; empty if no gradient reads it or nothing is known.
    thing
        The serial of the tensor object, 0 if no variable leads to it.
    mask
        How the node masks by it, if no gradient reads more of it.
    differs
        Whether its bytes differ now.
    is_moved
        Whether it was given other memory.
    """

    saved: SavedTensor
    counter: torch.Tensor
    digests: frozenset[bytes]
    thing: int = 0
    mask: Mask | None = None
    differs: bool = False
    is_moved: bool = False

    @property
    def version(self) -> int:
        """Its version now."""
        return version_of(self.counter)

    @property
    def fact(self) -> object:
        """The identity of the tensor and its state, whichever node saved it."""
        saved = self.saved
        held = self.digests if self.differs else None
        return saved.reading.storage, saved.reading.layout, saved.version, saved.cell, held

    def compare(self, now: bytes | None) -> None:
        """Compare its bytes with the saved digests, after a possible write."""
        self.differs = now is not None and bool(self.digests) and now not in self.digests

    def compare_since(self, earlier: Reading | None, now: bytes | None) -> None:
        """Compare its bytes when it is noted; `earlier` is where it was when it was saved, if that was elsewhere."""
        self.is_moved = earlier is not None
        self.compare(now if earlier is None or _kind(earlier) == _kind(self.saved.reading) else None)

    def accept(self, now: bytes | None) -> None:
        """Accept its present bytes as those it was saved with."""
        self.digests, self.differs = frozenset(one for one in (now,) if one is not None), False

    def move_to(self, reading: Reading, now: bytes | None) -> None:
        """Follow the tensor to other memory; unless it has other elements there, backward computes with those."""
        is_alike, self.is_moved = _kind(reading) == _kind(self.saved.reading), True
        self.saved = replace(self.saved, reading=reading._replace(kind=self.saved.reading.kind, object=0))
        self.compare(now if is_alike else None)

    def has_moved(self) -> bool:
        """Return whether it was overwritten."""
        return self.differs or (self.saved.is_checked and self.version != self.saved.version)

    def is_in(self, held: Mapping[tuple[str, int], torch.Tensor]) -> bool:
        """Return whether a node still holds it."""
        tensor = held.get((self.saved.argument, self.saved.place))
        if tensor is None or version_of(tensor) != self.version:
            return False
        return bool(self.saved.reading.unknown) or data_address(tensor) == self.saved.reading.data_ptr


def _kind(reading: Reading) -> object:
    return reading.shape, reading.dtype, reading.device
