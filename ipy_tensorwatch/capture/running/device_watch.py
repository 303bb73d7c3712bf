"""The small storages of devices while a cell runs: looked at there, and read once when the cell has ended."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from ...core.records.trace.evidence import Position, SeenWrite
from ...core.runtime.record import field, mutable
from ..compare.compare_bytes import StorageMark, is_whole
from ..compare.device_mark import portions_of
from ..device.accelerator_api import ask, copies_later, has_scratch, is_known_at_work, is_pinned, is_untouchable
from ..device.digest_launch import DigestLauncher
from ..device.kept_copy import LARGEST
from ..device.known_streams import KnownStreams
from ..device.look_log import LookLog, PortionChange
from .earlier_bytes import EarlierBytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from ...core.records.reading import Reading
    from ..compare.byte_history import Period
    from ..compare.device_prints import DevicePrints, Parts
    from ..device.device_block import DeviceBlock
    from ..device.digest_launch import Layout, Portion, PortionKey

MAX_THERE = 1024
"""The number of storages that are looked at on devices."""


class _There(NamedTuple):
    """One storage that is looked at, with the parts of it that tensors cover."""

    block: DeviceBlock
    readings: Sequence[Reading]


@mutable(eq=False)
class DeviceWatch:
    """The storages that are looked at on their devices while one cell runs.

    Attributes
    ----------
    known
        The marks when the cell began.
    launcher
        Returns what launches digests on a device.
    written
        The storages that were seen to be written.
    last_busy
        The last look at which a device was known to be at work; -1 for none.
    """

    known: Mapping[int, StorageMark] = field(default_factory=dict)
    launcher: Callable[[str], DigestLauncher] = DigestLauncher.on
    streams: KnownStreams = field(default_factory=KnownStreams)
    written: set[int] = field(default_factory=set)
    last_busy: int = -1
    _there: dict[int, _There] = field(default_factory=dict)
    _logs: dict[str, LookLog] = field(default_factory=dict)
    _levels: dict[PortionKey, Portion] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _is_over: bool = False
    _earlier: EarlierBytes | None = None

    @classmethod
    def begin(cls, blocks: Mapping[int, DeviceBlock], parts: Parts, prints: DevicePrints) -> DeviceWatch:
        """Watch the small storages of devices."""
        watch = cls(prints.settled(), prints.launcher, prints.streams)
        watch.add(blocks, parts)
        return watch

    def add(self, blocks: Mapping[int, DeviceBlock], parts: Parts) -> dict[int, _There]:
        """Watch more storages, while there is room, and more parts of known ones; return those that are new."""
        small = (one for one in blocks if one not in self._there and blocks[one].nbytes <= LARGEST)
        added = {one: _There(blocks[one], [*parts(one)]) for one in islice(small, MAX_THERE - len(self._there))}
        for storage in blocks.keys() & self._there.keys():
            block, known = self._there[storage]
            if {one.layout for one in parts(storage)} - {one.layout for one in known}:
                added[storage] = _There(block, [*known, *parts(storage)])
        self._there |= added
        return added

    def __contains__(self, storage: int) -> bool:
        """Return whether a storage is looked at."""
        return storage in self._there

    def look(self, number: int, only: Mapping[int, _There] | None = None) -> None:
        """Look at all storages, or at some: only launches, and nothing on a stream that is being captured."""
        if any(ask(is_known_at_work, one, default=False) for one in self._devices()):
            self.last_busy = number  # asked before our own digests are launched
        by_device: dict[str, list[Portion]] = {}
        for storage, (block, readings) in (self._there if only is None else only).items():
            owner = block.hold()
            if owner is not None:
                by_device.setdefault(block.device, []).extend(portions_of(storage, owner, block, readings))
        for device, portions in by_device.items():
            ask(self._look, device, portions, number, default=None)

    def _devices(self) -> Iterator[torch.device]:
        return map(torch.device, {one.block.device for one in self._there.values()})

    def may_copy_to(self, storage: Any, *, is_new: bool) -> bool:  # noqa: ANN401
        """Return whether a device may copy to this storage of the host while the cell goes on, as `non_blocking` asks.

        Parameters
        ----------
        is_new
            Whether the cell made it; an older one is only if its memory is pinned, whatever the device can.
        """
        devices = [*self._devices()] if is_new else []
        return ask(lambda: any(copies_later(one, storage) for one in devices) or is_pinned(storage), default=False)

    def _look(self, device: str, portions: Sequence[Portion], number: int) -> None:
        log = self._logs.get(device)
        if device in self._told or (log is not None and log.is_full and not self._is_over):
            return
        try:
            if is_untouchable(torch.device(device)) or not self.streams.are_ordered(torch.device(device)):
                return
            if log is None and not has_scratch(torch.device(device)):
                self._told.add(device)
                return
            if log is None:
                log = self._logs[device] = LookLog(self.launcher(device))
                log.begin(self._began_with(device))
            self._levels.update((one.key, one._replace(storage=None)) for one in portions)
            log.look(portions, number)
        except RuntimeError:  # the device is out of memory, or was lost, or the user's own kernel failed
            self._told.add(device)

    def _began_with(self, device: str) -> dict[PortionKey, bytes]:
        """Return the digests of the storages of a device when the cell began."""
        digests: dict[PortionKey, bytes] = {}
        for storage, (block, _) in self._there.items():
            mark = self.known.get(storage)
            if mark is not None and block.device == device and mark.block == block:
                digests[storage, None] = mark.digest
                digests.update(((storage, layout), digest) for layout, digest in mark.parts.items())
        return digests

    def end(self, number: int) -> None:
        """Look for the last time if the cell was looked at, and send for what changed."""
        self._is_over = True
        if any(one.has_looked for one in self._logs.values()):
            self.look(number)
        for device, log in self._logs.items():
            if device not in self._told and not ask(is_untouchable, torch.device(device), default=True):
                ask(log.send, default=None)

    def take_writes(self, epochs: Sequence[AbstractSet[Position]]) -> Iterator[SeenWrite]:
        """Yield what the logs that have arrived since tell, of each device once.

        Parameters
        ----------
        epochs
            The positions before each look, from the first one on.
        """
        for device, log in self._logs.items():
            changes = None if device in self._told else ask(log.changes, default=None)
            if changes is not None:
                self._told.add(device)
                for storage, since, number, mask in self._writes(changes):
                    yield SeenWrite(storage, frozenset().union(*epochs[since:number]), number, mask)

    def _writes(
        self, changes: Mapping[int, Mapping[Layout | None, Sequence[PortionChange]]]
    ) -> Iterator[tuple[int, int, int, bytes | None]]:
        """Yield storages with the two looks between which each was written, and a mask of what surely was not."""
        for storage, parts in changes.items():
            for since, number, differs in parts.get(None, ()):
                if differs:
                    self.written.add(storage)
                    then = [(one, it.differs) for one, its in parts.items() for it in its if it[:2] == (since, number)]
                    yield storage, since, number, self._mask(storage, dict(then))

    def _mask(self, storage: int, compared: Mapping[Layout | None, bool]) -> bytes | None:
        """Return 0 for each byte that surely did not change; None if all may have, and of some part it is not known."""
        block, readings = self._there[storage]
        untouched = [self._levels[storage, one] for one, differs in compared.items() if not differs]
        if not untouched:
            is_known = all(one.layout in compared or not one.nbytes or is_whole(one, block) for one in readings)
            return _ones(block.nbytes) if is_known else None
        mask = np.ones(block.nbytes, np.uint8)
        for one in untouched:
            shape, strides = [size for _, size in one.levels], [stride for stride, _ in one.levels]
            np.lib.stride_tricks.as_strided(mask[one.low :], shape, strides)[...] = 0
        return mask.tobytes()

    def periods(self, storage: int) -> list[Period]:
        """Return the bytes that a storage was seen to hold, in order; empty if that is not known."""
        if self._is_over and self._earlier is None:
            blocks = {one: there.block for one, there in self._there.items()}
            self._earlier = ask(EarlierBytes.of, self._logs.values(), blocks, self.known, default=EarlierBytes(blocks))
        return [] if self._earlier is None else self._earlier.periods(storage)


@lru_cache(maxsize=16)
def _ones(count: int) -> bytes:
    """Return so many ones: the storages of a model have few sizes."""
    return b"\1" * count
