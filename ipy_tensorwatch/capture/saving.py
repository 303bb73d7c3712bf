"""Saved tensors, each followed without holding its memory: its version counter, and a digest of its bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xxhash

from ..core.overlap import lay_out
from ..core.saved import SavedTensor
from .counter import share_counter
from .nodes import is_read, kept_in, saved_version
from .read import read
from .torch_private import data_address, storage_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from ..core.reading import Reading
    from .fingerprint import Mark
    from .identity import StorageSerials
    from .nodes import Kind


def digest_of(reading: Reading, mark: Mark | None) -> bytes | None:
    """Digest the bytes that a reading's elements have in a storage that was just looked at; None where unknown."""
    if mark is None or reading.unknown:
        return None
    block, start = mark.block, reading.low - mark.block.low
    size = reading.high - reading.low
    if start < 0 or start + size > block.nbytes:
        return None
    if reading.is_dense and size == block.nbytes:
        return mark.digest
    source: Any = block.window if mark.copy is None else mark.copy
    if source is None:
        return None
    if reading.is_dense:
        return xxhash.xxh3_128_digest(np.frombuffer(source, np.uint8, size, start).data)
    return xxhash.xxh3_128_digest(np.ascontiguousarray(lay_out(source, reading, start)).data)


class Sight(NamedTuple):
    """A tensor as it was when first seen: how it lay, its counter, and a digest of its bytes."""

    reading: Reading
    counter: torch.Tensor
    digest: bytes | None


@dataclass(slots=True)
class Followed:
    """A saved tensor, its counter, and its bytes as they were."""

    saved: SavedTensor
    _counter: torch.Tensor
    _digest: bytes | None
    _differs: bool = False

    @property
    def version(self) -> int:
        """Its version now."""
        return self._counter._version

    @property
    def fact(self) -> object:
        """What has become of which tensor, whichever node saved it."""
        saved = self.saved
        return saved.reading.storage, saved.reading.layout, saved.version, saved.cell, self._differs

    def compare(self, mark: Mark | None) -> None:
        """Compare its bytes with what they were, after they may have been written."""
        now = digest_of(self.saved.reading, mark)
        self._differs = self._digest is not None and now is not None and now != self._digest

    def has_moved(self) -> bool:
        """Tell whether it is not what it was."""
        return self._differs or (self.saved.is_checked and self.version != self.saved.version)

    def is_in(self, held: Mapping[tuple[str, int], torch.Tensor]) -> bool:
        """Tell whether a node still holds it."""
        tensor = held.get((self.saved.argument, self.saved.place))
        if tensor is None or tensor._version != self.version:
            return False
        return bool(self.saved.reading.unknown) or data_address(tensor) == self.saved.reading.data_ptr


@dataclass(frozen=True, slots=True)
class Aids:
    """What it takes to note a saved tensor.

    Attributes
    ----------
    marks
        What is known of the bytes of the storages.
    deadline
        When to stop reading new nodes.
    """

    storages: StorageSerials
    marks: Mapping[int, Mark]
    cell: int
    deadline: float
    _known: dict[int, tuple[torch.Tensor, Sight]] = field(default_factory=dict)
    _checkpoints: set[int] = field(default_factory=set)

    def note(self, node: Any, number: int, kind: Kind) -> list[Followed]:  # noqa: ANN401
        """Note what a node saved in memory that is watched: to any other, nobody can write."""
        found = []
        for name, place, tensor, check, again in kept_in(node, kind, self._checkpoints):
            try:
                sight = self._sight_of(tensor)
                if sight is not None:
                    op, version = kind.name(node), saved_version(node, tensor, check)
                    saved = SavedTensor(
                        op=op, argument=name, sequence=number, place=place, cell=self.cell, reading=sight.reading,
                        version=version, is_checked=check is not None, is_read_again=again,
                    )  # fmt: skip
                    matters = is_read(node, op, name, is_complex=tensor.is_complex())
                    found.append(Followed(saved, sight.counter, sight.digest if matters else None))
            except Exception:  # noqa: BLE001, S112  (an odd tensor must not cost the others: sparse, or wrapped)
                continue
        return found

    def _sight_of(self, tensor: torch.Tensor) -> Sight | None:
        """Look at a tensor once, whichever nodes saved it."""
        known = self._known.get(id(tensor))
        if known is not None:
            return known[1]
        storage = self.storages.at(storage_address(tensor.untyped_storage()))
        if storage is None:
            return None
        reading = read(tensor, "saved", 0, self.storages)
        sight = Sight(reading, share_counter(tensor), digest_of(reading, self.marks.get(storage)))
        self._known[id(tensor)] = tensor, sight  # with the tensor, so that its address stays its own
        return sight
