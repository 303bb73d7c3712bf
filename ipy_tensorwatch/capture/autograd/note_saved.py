"""Record the saved tensors of nodes."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ...core.records.trace.saved_tensor import SavedTensor
from ...core.runtime.guard import GUARD
from ...core.runtime.record import field, record
from ..runtime.node_limit import CLOCK_EVERY, is_late
from ..tensors.node_readers import NodeKind, is_python
from ..tensors.plain_reads import storage_of, version_of
from ..tensors.read_tensor import read_saved
from ..tensors.version_counter import share_counter
from .masked_writes import ignore_masked_writes
from .raw_saves import raw_saves
from .saved_by_nodes import is_read, kept_in, mask_on, saved_version
from .tracked_tensor import TrackedTensor, digest_then

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    import torch

    from ...core.records.reading import Reading
    from ..tensors.serials import ObjectSerials, StorageSerials
    from .known_bytes import KnownBytes
    from .raw_saves import RawSave
    from .saved_by_nodes import SavedByNode

MAX_ITEMS = 4096
"""The maximum number of saved tensors of one node that are tracked."""
_NOTHING: frozenset[bytes] = frozenset()


class SeenTensor(NamedTuple):
    """A tensor as first seen: its reading, its version counter, and a digest of its bytes if known.

    Attributes
    ----------
    is_still
        Whether its storage held the same bytes all along.
    """

    reading: Reading
    counter: torch.Tensor
    digest: bytes | None
    held: frozenset[bytes]
    is_still: bool


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

    def note(
        self,
        node: Any,  # noqa: ANN401
        number: int,
        kind: NodeKind,
        saves: Sequence[RawSave] | None = None,
        first: int = 0,
    ) -> NotedSaves:
        """Record what a node saved in watched memory, or what was overwritten before it could be watched.

        Parameters
        ----------
        saves
            What it saved, if it was read before.
        first
            The number of its saved tensors recorded before.
        """
        wanted = self._wanted(node, kind, saves)
        if not wanted:
            return NOTHING_SAVED
        found: list[TrackedTensor] = []
        next_one, is_whole = None, True
        for place, kept in enumerate(wanted[first:], first):
            if place >= MAX_ITEMS or (place - first >= CLOCK_EVERY and is_late(place, self.deadline)):
                next_one, is_whole = place, False
                break
            try:
                tracked = self._track(node, number, kind, kept)
            except Exception as error:  # noqa: BLE001  (an odd tensor, sparse or wrapped, must not hide the others)
                GUARD.note_unless_odd("reading-graphs", error)
                continue
            if tracked is not None:
                found.append(tracked)
        if not found and is_whole:
            return NOTHING_SAVED
        if any(one.differs for one in found):
            ignore_masked_writes(found, self.known)
        return NotedSaves(found, next_one if next_one is not None and next_one < MAX_ITEMS else None, is_whole)

    def _wanted(self, node: Any, kind: NodeKind, saves: Sequence[RawSave] | None) -> Sequence[SavedByNode]:  # noqa: ANN401
        """Return what a node saved in watched memory: of most nodes nothing."""
        if saves is None and (saves := raw_saves(node, kind)) is None:
            return ()
        near = [one for one in saves if one[-1] is None or self._concerns(one[-1])]
        return [*kept_in(node, kind, self._checkpoints, near)] if near or is_python(kind) else ()

    def _track(self, node: Any, number: int, kind: NodeKind, kept: SavedByNode) -> TrackedTensor | None:  # noqa: ANN401
        """Record one saved tensor; None if no variable leads to its memory."""
        tensor = kept.tensor
        now = version_of(tensor)
        version = saved_version(node, tensor, kept.check) if now else 0
        seen = self._seen_tensor(tensor, is_moved=version != now)
        if seen is None:
            return None
        thing = self.objects.known(tensor) or 0
        earlier = self.known.past.earlier_reading(thing, seen.reading.storage, number) if thing else None
        digests = _NOTHING
        if is_read(node, kind, kept.use, tensor):
            digests = seen.held if seen.is_still and earlier is None else self._held(seen, number, kind, earlier)
        saved = SavedTensor(
            op=kind.name(node), argument=kept.name, sequence=number, place=kept.place, cell=self.cell,
            reading=seen.reading, version=version, is_checked=kept.check is not None, is_read_again=kept.is_read_again,
        )  # fmt: skip
        tracked = TrackedTensor(saved, seen.counter, digests, thing, mask_on(node, kind))
        if digests is not seen.held or earlier is not None:
            tracked.compare_since(earlier, seen.digest)
        return tracked

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
        held = _NOTHING if digest is None else frozenset((digest,))
        is_still = not self.known.past.periods(reading.storage)
        seen = SeenTensor(reading, share_counter(tensor), digest, held, is_still)
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
        marks, is_open = self.known.past.marks(reading.storage, number, late=is_python(kind))
        then = frozenset(one for mark in marks if (one := digest_then(reading, mark)) is not None)
        return then if then and (earlier is not None or not is_open) else then | seen.held
