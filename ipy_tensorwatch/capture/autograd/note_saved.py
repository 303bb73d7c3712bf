"""Record the saved tensors of nodes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ...core.records.trace.saved_tensor import SavedTensor
from ...core.runtime.guard import GUARD
from ...core.runtime.record import field, record
from ..runtime.graph_private import has_hook
from ..runtime.node_limit import CLOCK_EVERY, is_late
from ..tensors.node_readers import NodeKind, is_python
from ..tensors.plain_reads import is_plain, storage_of, version_of
from ..tensors.read_tensor import read_saved
from ..tensors.version_counter import share_counter
from .masked_writes import ignore_masked_writes
from .saved_by_nodes import is_read, kept_in, mask_on, saved_version
from .tracked_tensor import TrackedTensor, digest_then

if TYPE_CHECKING:
    from collections.abc import Container

    import torch

    from ...core.records.reading import Reading
    from ..tensors.serials import ObjectSerials, StorageSerials
    from .known_bytes import KnownBytes

MAX_ITEMS = 4096
"""The maximum number of saved tensors of one node that are tracked."""
_NOTHING: frozenset[bytes] = frozenset()


class SeenTensor(NamedTuple):
    """A tensor as first seen: its reading, its version counter, and a digest of its bytes if known."""

    reading: Reading
    counter: torch.Tensor
    digest: bytes | None
    held: frozenset[bytes]


class NotedSaves(NamedTuple):
    """The recorded saved tensors of a node.

    Attributes
    ----------
    next
        The place to continue after a time limit; None if there is nothing more to record.
    is_whole
        Whether every saved tensor was recorded.
    """

    found: list[TrackedTensor]
    next: int | None = None
    is_whole: bool = True


NOTHING_SAVED = NotedSaves([])


@record(kw_only=False, slots=False)
class SaveRecorder:
    """Records what nodes saved in watched memory, at one look.

    Attributes
    ----------
    known
        The known bytes of the storages.
    deadline
        When to stop reading new nodes.
    """

    objects: ObjectSerials
    storages: StorageSerials
    known: KnownBytes
    cell: int
    deadline: float
    _seen: dict[int, tuple[torch.Tensor, SeenTensor]] = field(default_factory=dict)
    _checkpoints: set[int] = field(default_factory=set)

    @cached_property
    def _addresses(self) -> Container[int]:
        """The addresses of the storages that are watched, or were while the cell ran."""
        return self.storages.addresses

    def note(self, node: Any, number: int, kind: NodeKind, first: int = 0) -> NotedSaves:  # noqa: ANN401
        """Record what a node saved in watched memory, or what was overwritten before it could be watched.

        Parameters
        ----------
        first
            The number of its saved tensors recorded before.
        """
        if not self._may_concern(node, kind):
            return NOTHING_SAVED
        found: list[TrackedTensor] = []
        next_one, is_whole = None, True
        for place, kept in enumerate(kept_in(node, kind, self._checkpoints, self._concerns)):
            if place < first:
                continue
            if place >= MAX_ITEMS or (place - first >= CLOCK_EVERY and is_late(place, self.deadline)):
                next_one, is_whole = place, False
                break
            try:
                version = saved_version(node, kept.tensor, kept.check)
                seen = self._seen_tensor(kept.tensor, is_moved=version != version_of(kept.tensor))
                if seen is not None:
                    thing = self.objects.of_id(id(kept.tensor)) or 0
                    earlier = self.known.past.earlier_reading(thing, seen.reading.storage, number) if thing else None
                    matters = is_read(node, kind, kept.use, kept.tensor)
                    digests = self._held(seen, number, kind, earlier) if matters else _NOTHING
                    saved = SavedTensor(
                        op=kind.name(node), argument=kept.name, sequence=number, place=kept.place, cell=self.cell,
                        reading=seen.reading, version=version, is_checked=kept.check is not None,
                        is_read_again=kept.is_read_again,
                    )  # fmt: skip
                    found.append(TrackedTensor(saved, seen.counter, digests, thing, mask_on(node, kind)))
                    found[-1].compare_since(earlier, seen.digest)
            except Exception as error:  # noqa: BLE001  (an odd tensor, sparse or wrapped, must not hide the others)
                GUARD.note_unless_odd("reading-graphs", error)
                continue
        if not found and is_whole:
            return NOTHING_SAVED
        if any(one.differs for one in found):
            ignore_masked_writes(found, self.known)
        return NotedSaves(found, next_one if next_one is not None and next_one < MAX_ITEMS else None, is_whole)

    def _may_concern(self, node: object, kind: NodeKind) -> bool:
        """Return False quickly for a node that saved nothing in watched memory, as most nodes do."""
        if is_python(kind):
            return True
        for slot in kind.saved:
            try:
                saved = slot.read(node)
            except RuntimeError:  # released by backward, with all that the node saved
                return False
            try:
                if saved is None:
                    continue
                if type(saved) is tuple or has_hook(saved):
                    return True
                tensor = saved.data
                if tensor is not None and (not is_plain(tensor) or self._concerns(tensor)):
                    return True
            except RuntimeError:
                continue
        return False

    def _concerns(self, tensor: torch.Tensor) -> bool:
        """Return whether a tensor's memory is watched or was written; False for a tensor without memory."""
        try:
            return bool(version_of(tensor)) or id(storage_of(tensor)) in self._addresses
        except Exception as error:  # noqa: BLE001  (an odd tensor, sparse or wrapped, must not hide the others)
            GUARD.note_unless_odd("reading-graphs", error)
            return False

    def _seen_tensor(self, tensor: torch.Tensor, *, is_moved: bool) -> SeenTensor | None:
        """Read a tensor once, whichever nodes saved it; memory that no variable leads to cannot be written."""
        known = self._seen.get(id(tensor))
        if known is not None:
            return known[1]
        if not is_moved and id(storage_of(tensor)) not in self._addresses:
            return None
        reading = read_saved(tensor, self.storages)
        digest = GUARD.run_briefly("reading-graphs", self.known.digest_of, reading, default=None)
        seen = SeenTensor(reading, share_counter(tensor), digest, _NOTHING if digest is None else frozenset((digest,)))
        self._seen[id(tensor)] = tensor, seen  # the tensor too, so that its address is not reused
        return seen

    def _held(self, seen: SeenTensor, number: int, kind: NodeKind, earlier: Reading | None) -> frozenset[bytes]:
        """Digest all that a tensor may have held when a node saved it.

        Parameters
        ----------
        earlier
            Where it was then, if it has been given other memory since.
        """
        reading = earlier or seen.reading
        if not self.known.past.periods(reading.storage):
            return seen.held
        marks, is_open = self.known.past.marks(reading.storage, number, late=is_python(kind))
        then = frozenset(one for mark in marks if (one := digest_then(reading, mark)) is not None)
        return then if then and (earlier is not None or not is_open) else then | seen.held
