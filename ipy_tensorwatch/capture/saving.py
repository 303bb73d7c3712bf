"""Note what the nodes of graphs saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from ..core.saved import SavedTensor
from .followed import Followed, digest_now, digest_then
from .masking import forgive
from .nodes import is_late, is_read, kept_in, mask_on, saved_version
from .read import may_be_stale, read
from .torch_private import storage_address

if TYPE_CHECKING:
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


class Sight(NamedTuple):
    """A tensor as it was when first seen: how it lay, its counter, and a digest of its bytes."""

    reading: Reading
    counter: torch.Tensor
    digest: bytes | None


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
                version = saved_version(node, tensor, check)
                sight = self._sight_of(tensor, has_moved=version != tensor._version)
                if sight is not None:
                    saved = SavedTensor(
                        op=kind.name(node), argument=name, sequence=number, place=place, cell=self.cell,
                        reading=sight.reading, version=version, is_checked=check is not None,
                    )  # fmt: skip
                    matters = is_read(node, kind, name, is_complex=tensor.is_complex())
                    held = self._held(sight, number, late=is_late(kind)) if matters else frozenset()
                    found.append(Followed(saved, sight.counter, held, mask_on(node, kind)))
                    found[-1].compare(sight.digest)
            except Exception:  # noqa: BLE001, S112  (an odd tensor must not cost the others: sparse, or wrapped)
                continue
        forgive(found, self)
        return found

    def mark_of(self, storage: int) -> Mark | None:
        """Give what is known of a storage's bytes after the cell; None where they were not looked at.

        A storage that variables led to while the cell ran, and that only graphs hold by now, is looked at here.
        """
        if storage in self.prints.waiting:
            return None
        return self.prints.marks.get(storage) or self.past.now(storage)

    def digest_of(self, reading: Reading) -> bytes | None:
        """Digest what a reading's elements hold after the cell; None where they were not looked at."""
        return digest_now(reading, self.mark_of(reading.storage))

    def _sight_of(self, tensor: torch.Tensor, *, has_moved: bool) -> Sight | None:
        """Look at a tensor once, whichever nodes saved it; at one that nobody can write to only if somebody could."""
        known = self._known.get(id(tensor))
        if known is not None:
            return known[1]
        if not has_moved and self.storages.at(storage_address(tensor.untyped_storage())) is None:
            return None
        reading = read(tensor, "saved", 0, self.storages)
        sight = Sight(reading, share_counter(tensor), self.digest_of(reading))
        self._known[id(tensor)] = tensor, sight  # with the tensor, so that its address stays its own
        return sight

    def _held(self, sight: Sight, number: int, *, late: bool) -> frozenset[bytes]:
        """Digest all that a tensor may have held when a node saved it."""
        marks, is_open = self.past.marks(sight.reading.storage, number, late=late)
        then = {digest_then(sight.reading, one) for one in marks} - {None}
        return frozenset(one for one in (then if then and not is_open else {*then, sight.digest}) if one is not None)
