"""Keep on a device the bytes that cells overwrote there, so that they can be restored."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from ..compare.device_mark import DeviceMark
from ..device.accelerator_api import ask
from ..device.kept_copy import room_for_copies
from .archived_bytes import NOT_READ, ArchivedBytes

if TYPE_CHECKING:
    from collections.abc import Container

    from ...core.model.snapshots.snapshot import Snapshot
    from ..compare.compare_bytes import ByteVerdict
    from ..observer import Observation

MOST = 2
"""If more than one in so many tensors was written, the whole snapshot is kept and paths are spelled on demand."""


@dataclass(slots=True, eq=False)
class DeviceArchive:
    """Copies of the small storages of devices, as they were before cells that wrote them.

    They take at most as much of a device's free memory as the copies of the present bytes, and are given up where
    that has none to spare.

    Attributes
    ----------
    kept
        By storage, oldest first.
    lost
        By storage, the last cell before which its bytes are not known.
    order
        The storages in the order of their writes.
    """

    kept: dict[int, deque[ArchivedBytes]] = field(default_factory=dict)
    lost: dict[int, int] = field(default_factory=dict)
    order: deque[int] = field(default_factory=deque)
    size: int = 0

    def add(self, observed: Observation, before: Snapshot, cell: int) -> None:
        """Keep what a cell overwrote; what is told again, because more has arrived since, is kept once."""
        read = _read_there(observed)
        copied: dict[str, dict[int, DeviceMark]] = {}
        for storage, verdict in read.items():
            mark = verdict.before
            if any(one.last == cell for one in self.kept.get(storage, ())):
                continue
            if verdict.outcome == "changed" and isinstance(mark, DeviceMark) and mark.kept is not None:
                copied.setdefault(mark.block.device, {})[storage] = mark  # type: ignore[attr-defined]
            else:
                self._lose(storage, cell)
        snapshot = before if MOST * len(read) > len(before) else None
        for device, marks in copied.items():
            for storage, mark in marks.items():
                since = read[storage].since
                first = cell if since is None else since + 1
                entries = before.by_storage.get(storage) if snapshot is None else ()
                self._put(ArchivedBytes(storage, first, cell, mark, entries, snapshot))
            room = ask(room_for_copies, torch.device(device), default=0)
            while self.size > room:
                self._drop_oldest()
        self._forget_all_but(observed.shot.on_devices)

    def lose(self, observed: Observation, cell: int) -> None:
        """Mark earlier bytes as lost for storages that are new, or changed while no cell was watched."""
        for storage in _read_there(observed):
            self._lose(storage, cell)

    def give_up(self) -> None:
        """Release all copies: a device has no memory to spare."""
        while self.size:
            self._drop_oldest()

    def __contains__(self, storage: int) -> bool:
        """Return whether a storage lies on a device, as far as it was read."""
        return storage in self.lost or storage in self.kept

    def find(self, storage: int, cell: int) -> ArchivedBytes | None:
        """Return the bytes of a storage from before a cell: those replaced by the first write since then."""
        if self.lost.get(storage, 0) >= cell:
            return None
        return next((one for one in self.kept.get(storage, ()) if one.last >= cell), None)

    def _forget_all_but(self, storages: Container[int]) -> None:
        """Drop the storages that are not watched any more."""
        for storage in [one for one in self.lost if one not in storages]:
            del self.lost[storage]
        gone = [one for one in self.kept if one not in storages]
        self.size -= sum(_size(one) for storage in gone for one in self.kept.pop(storage))
        self.order = deque(one for one in self.order if one in self.kept) if gone else self.order

    def _put(self, one: ArchivedBytes) -> None:
        self.kept.setdefault(one.storage, deque()).append(one)
        self.order.append(one.storage)
        self.size += _size(one)

    def _drop_oldest(self) -> None:
        several = self.kept.get(self.order.popleft())
        if several:
            one = several.popleft()
            self.size -= _size(one)
            self._lose(one.storage, one.last)

    def _lose(self, storage: int, cell: int) -> None:
        self.lost[storage] = max(cell, self.lost.get(storage, 0))


def _read_there(observed: Observation) -> dict[int, ByteVerdict]:
    """Return the verdicts of storages on devices whose bytes were read."""
    there = observed.shot.on_devices
    return {
        one: verdict
        for one, verdict in (observed.verdicts.items() if there else ())
        if one in there and verdict.outcome not in NOT_READ
    }


def _size(one: ArchivedBytes) -> int:
    return one.mark.block.nbytes
