"""Many small storages read as one: while none changed, one digest proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import xxhash

from ....core.runtime.record import field, mutable
from ...memory.byte_block import fetch
from ...memory.raw_memory import SCRATCH
from .watched_storage import Watched, is_storage

if TYPE_CHECKING:
    import weakref
    from collections.abc import Iterator, Mapping

    from ...memory.byte_block import Block, Bytes

MAX_COUNT = 512
"""The maximum number of storages in one group."""
_address = torch.UntypedStorage.data_ptr
_room = torch.UntypedStorage.nbytes


@mutable(eq=False)
class LookGroup:
    """Some storages with copies, small enough to be fetched by one system call.

    Attributes
    ----------
    number
        The last look at which all bytes were unchanged.
    """

    members: Mapping[int, Watched]
    number: int = 0
    _storages: list[weakref.ref[Any]] = field(default_factory=list)
    _arrays: list[weakref.ref[Any]] = field(default_factory=list)
    _places: tuple[list[int], list[int]] = ([], [])
    _spans: bytes = b""
    _nbytes: int = 0
    _digest: bytes | None = None

    def is_unchanged(self) -> bool:
        """Return whether all storages are in place with unchanged bytes."""
        if self._digest is None or not self._are_there():
            return False
        return fetch(self._spans, self._nbytes, self._digest)[0] == self._digest

    def learn(self) -> None:
        """Set the expected digest from the known bytes of each storage."""
        members = self.members.values()
        copies: list[Bytes] = [one.copy for one in members if one.copy is not None]
        self._spans, self._nbytes = b"".join([one.block.span for one in members]), sum(map(len, copies))
        owned = [(one.reference, one.block, is_storage(one.reference())) for one in members]
        self._arrays = [reference for reference, _, is_torch in owned if not is_torch]
        self._storages = [reference for reference, _, is_torch in owned if is_torch]
        blocks = [block for _, block, is_torch in owned if is_torch]
        starts, rooms = self._places_now()
        self._places = starts, rooms
        is_there = all(map(_lies, blocks, starts, rooms)) and len(copies) == len(members)
        self._digest = xxhash.xxh3_128_digest(b"".join(copies)) if is_there else None

    def settle(self) -> None:
        """Record in each storage the last look that saw no change."""
        for one in self.members.values() if self.number else ():
            one.look_number = max(one.look_number, self.number)
        self.number = 0

    def _are_there(self) -> bool:
        try:
            return self._places_now() == self._places and all(one() is not None for one in self._arrays)
        except TypeError:  # one of them is gone
            return False

    def _places_now(self) -> tuple[list[int], list[int]]:
        owners: list[Any] = [one() for one in self._storages]
        return list(map(_address, owners)), list(map(_room, owners))


def _lies(block: Block, start: int, room: int) -> bool:
    return block.start == start and block.end <= room


def group_storages(watched: Mapping[int, Watched]) -> Iterator[LookGroup]:
    """Group the storages that have a copy into groups that are fetched together."""
    group: dict[int, Watched] = {}
    size = 0
    for storage, one in watched.items():
        if one.copy is None:
            continue
        nbytes = one.block.nbytes
        if group and (size + nbytes > SCRATCH or len(group) == MAX_COUNT):
            yield _learned(group)
            group, size = {}, 0
        if nbytes <= SCRATCH:
            group[storage] = one
            size += nbytes
    if group:
        yield _learned(group)


def _learned(members: Mapping[int, Watched]) -> LookGroup:
    group = LookGroup(members)
    group.learn()
    return group
