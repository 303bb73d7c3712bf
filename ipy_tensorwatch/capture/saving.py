"""Saved tensors, each followed without holding its memory: its version counter, and digests of its bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
import xxhash

from ..core.overlap import lay_out
from ..core.saved import SavedTensor
from .nodes import is_late, is_read, kept_in, saved_version
from .read import may_be_stale, read
from .torch_private import data_address, storage_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.reading import Reading
    from .fingerprint import Fingerprints, Mark
    from .identity import StorageSerials
    from .nodes import Kind
    from .past import Past

_EMPTY = torch.empty(0, device="cpu")


def share_counter(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor of no elements that shares the version counter, and nothing else."""
    base = tensor._base if may_be_stale(tensor) else tensor  # a view of written memory would make itself a new node
    ours = (tensor if base is None else base).detach()
    ours.data = _EMPTY
    return ours


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


def digest_then(reading: Reading, mark: Mark) -> bytes | None:
    """Digest the bytes that a reading's elements had; None where too little of them was kept."""
    return mark.part_digest(reading) if mark.copy is None else digest_of(reading, mark)


class Sight(NamedTuple):
    """A tensor as it was when first seen: how it lay, its counter, and a digest of its bytes."""

    reading: Reading
    counter: torch.Tensor
    digest: bytes | None


@dataclass(slots=True)
class Followed:
    """A saved tensor, its counter, and digests of all that it may have held when it was saved."""

    saved: SavedTensor
    _counter: torch.Tensor
    _digests: frozenset[bytes]
    _differs: bool = False

    @property
    def version(self) -> int:
        """Its version now."""
        return self._counter._version

    @property
    def fact(self) -> object:
        """What has become of which tensor, whichever node saved it."""
        saved = self.saved
        held = self._digests if self._differs else None
        return saved.reading.storage, saved.reading.layout, saved.version, saved.cell, held

    def compare(self, now: bytes | None) -> None:
        """Compare its bytes with what they were, after they may have been written."""
        self._differs = now is not None and bool(self._digests) and now not in self._digests

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
    prints
        What is known of the bytes of the storages.
    past
        What these held while the cell ran.
    deadline
        When to stop reading new nodes.
    """

    storages: StorageSerials
    prints: Fingerprints
    past: Past
    cell: int
    deadline: float
    _known: dict[int, tuple[torch.Tensor, Sight]] = field(default_factory=dict)

    def note(self, node: Any, number: int, kind: Kind) -> list[Followed]:  # noqa: ANN401
        """Note what a node saved in memory that is watched: to any other, nobody can write."""
        found = []
        for name, place, tensor, check in kept_in(node, kind):
            try:
                sight = self._sight_of(tensor)
                if sight is not None:
                    op, version = kind.name(node), saved_version(node, tensor, check)
                    saved = SavedTensor(
                        op=op, argument=name, sequence=number, place=place, cell=self.cell, reading=sight.reading,
                        version=version, is_checked=check is not None,
                    )  # fmt: skip
                    matters = is_read(node, op, name, is_complex=tensor.is_complex())
                    held = self._held(sight, number, late=is_late(kind)) if matters else frozenset()
                    found.append(Followed(saved, sight.counter, held))
                    found[-1].compare(sight.digest)
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
        sight = Sight(reading, share_counter(tensor), self.digest_now(reading))
        self._known[id(tensor)] = tensor, sight  # with the tensor, so that its address stays its own
        return sight

    def digest_now(self, reading: Reading) -> bytes | None:
        """Digest what a reading's elements hold after the cell; None where they were not looked at."""
        is_old = reading.storage in self.prints.waiting
        return None if is_old else digest_of(reading, self.prints.marks.get(reading.storage))

    def _held(self, sight: Sight, number: int, *, late: bool) -> frozenset[bytes]:
        """Digest all that a tensor may have held when a node saved it."""
        marks, is_open = self.past.marks(sight.reading.storage, number, late=late)
        then = {digest_then(sight.reading, one) for one in marks} - {None}
        return frozenset(one for one in (then if then and not is_open else {*then, sight.digest}) if one is not None)
