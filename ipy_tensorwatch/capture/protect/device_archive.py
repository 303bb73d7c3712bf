"""Keep on a device the bytes that cells overwrote there, so that they can be restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ...core.runtime.record import mutable
from ..compare.device_mark import DeviceMark
from ..device.accelerator_api import ask
from ..device.kept_copy import room_for_copies
from .kept_bytes import MOST, NOT_READ, ArchivedBytes, KeptBytes

if TYPE_CHECKING:
    from ...core.records.snapshots.snapshot import Snapshot
    from ..compare.compare_bytes import ByteVerdict
    from ..observer import Observation


@mutable(kw_only=True, eq=False)
class DeviceArchive(KeptBytes):
    """Copies of the small storages of devices, as they were before cells that wrote them.

    They take at most as much of a device's free memory as the copies of the present bytes, and are given up where
    that has none to spare.
    """

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
                self.lose_before(storage, cell)
        snapshot = before if MOST * len(read) > len(before) else None
        for device, marks in copied.items():
            for storage, mark in marks.items():
                since = read[storage].since
                first = cell if since is None else since + 1
                entries = before.by_storage.get(storage) if snapshot is None else ()
                self.put(ArchivedBytes(storage, first, cell, mark, entries, snapshot))
            room = ask(room_for_copies, torch.device(device), default=0)
            while self.size > room:
                self.drop_oldest_alone()
        self.forget_all_but(observed.shot.on_devices)

    def lose(self, observed: Observation, cell: int) -> None:
        """Mark earlier bytes as lost for storages that are new, or changed while no cell was watched."""
        for storage in _read_there(observed):
            self.lose_before(storage, cell)

    def give_up(self) -> None:
        """Release all copies: a device has no memory to spare."""
        while self.size:
            self.drop_oldest_alone()

    def __contains__(self, storage: int) -> bool:
        """Return whether a storage lies on a device, as far as it was read."""
        return storage in self.lost or storage in self.kept


def _read_there(observed: Observation) -> dict[int, ByteVerdict]:
    """Return the verdicts of storages on devices whose bytes were read."""
    there = observed.shot.on_devices
    return {
        one: verdict
        for one, verdict in (observed.verdicts.items() if there else ())
        if one in there and verdict.outcome not in NOT_READ
    }
