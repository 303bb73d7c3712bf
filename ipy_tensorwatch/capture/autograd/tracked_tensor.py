"""A saved tensor, followed without holding its memory: its version counter, and digests of its bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..compare.fingerprints import digest_part, is_whole
from ..host.threads import is_alone
from ..host.torch_private import data_address, version_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from ...core.hazards.mask_only_backward import Mask
    from ...core.model.reading import Reading
    from ...core.model.saved_tensor import SavedTensor
    from ..compare.fingerprints import StorageMark


def digest_now(reading: Reading, mark: StorageMark | None) -> bytes | None:
    """Digest the bytes that a reading's elements have in a storage that was just looked at; None where unknown."""
    if mark is None or reading.unknown:
        return None
    block, start = mark.block, reading.low - mark.block.low
    if start < 0 or start + reading.high - reading.low > block.nbytes:
        return None
    if mark.copy is not None or is_whole(reading, block):
        return mark.part_digest(reading)
    return digest_part(block, reading, block.hold() if is_alone() else None)


def digest_then(reading: Reading, mark: StorageMark) -> bytes | None:
    """Digest the bytes that a reading's elements had at an earlier look; None where too little of them was kept."""
    return mark.part_digest(reading) if mark.copy is None else digest_now(reading, mark)


@dataclass(slots=True)
class Followed:
    """A saved tensor.

    Attributes
    ----------
    digests
        Those of all that it may have held when it was saved; none where no gradient reads it, or nothing is known.
    mask
        How the node compares it, where no gradient takes more from it.
    differs
        Whether it holds something else now.
    """

    saved: SavedTensor
    counter: torch.Tensor
    digests: frozenset[bytes]
    mask: Mask | None = None
    differs: bool = False

    @property
    def version(self) -> int:
        """Its version now."""
        return version_of(self.counter)

    @property
    def fact(self) -> object:
        """What has become of which tensor, whichever node saved it."""
        saved = self.saved
        held = self.digests if self.differs else None
        return saved.reading.storage, saved.reading.layout, saved.version, saved.cell, held

    def compare(self, now: bytes | None) -> None:
        """Compare its bytes with what they were, after they may have been written."""
        self.differs = now is not None and bool(self.digests) and now not in self.digests

    def accept(self, now: bytes | None) -> None:
        """Take what it holds now for what it held when it was saved."""
        self.digests, self.differs = frozenset(one for one in (now,) if one is not None), False

    def has_moved(self) -> bool:
        """Return whether it is not what it was."""
        return self.differs or (self.saved.is_checked and self.version != self.saved.version)

    def is_in(self, held: Mapping[tuple[str, int], torch.Tensor]) -> bool:
        """Return whether a node still holds it."""
        tensor = held.get((self.saved.argument, self.saved.place))
        if tensor is None or version_of(tensor) != self.version:
            return False
        return bool(self.saved.reading.unknown) or data_address(tensor) == self.saved.reading.data_ptr
