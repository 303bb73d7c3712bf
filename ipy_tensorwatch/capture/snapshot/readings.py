"""Read the tensors of a branch, and select the bytes to watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core.records.reason import Reason
from ...core.runtime.guard import GUARD
from ...core.runtime.record import field, mutable
from ..device.device_block import DeviceBlock, device_block_of
from ..memory.byte_block import WHOLE_LIMIT, Block, block_in, block_of
from ..objects.inspect_object import name_of
from ..tensors.plain_reads import local_of, storage_of
from ..tensors.read_tensor import read, read_all_like, read_like, refresh, unreadable
from ..tensors.version_counter import VersionCounter
from .tensor_parts import COMPONENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ...core.records.reading import Reading
    from ..tensors.serials import ObjectSerials, StorageSerials

MAX_COUNTERS = 1024


@mutable
class Gathering:
    """The readings so far.

    Attributes
    ----------
    known, known_blocks
        The last readings by object and the last blocks by storage, for memory that still exists.
    on_devices
        The storages in the memory of devices.
    counters
        The version counters of the tensors in large storages.
    """

    objects: ObjectSerials
    storages: StorageSerials
    known: Mapping[int, Reading]
    known_blocks: Mapping[int, Block]
    readings: list[Reading] = field(default_factory=list)
    blocks: dict[int, Block] = field(default_factory=dict)
    on_devices: dict[int, DeviceBlock] = field(default_factory=dict)
    counters: list[VersionCounter] = field(default_factory=list)

    def add(self, thing: Any, role: str, serial: int, former: Reading | None = None) -> None:  # noqa: ANN401
        """Read one tensor or array; if that fails, only this one is left out.

        Parameters
        ----------
        former
            The last reading at its place.
        """
        count = len(self.readings)
        try:
            self._add(thing, role, serial, former)
        except Exception as error:  # noqa: BLE001  (an odd object is listed, and must not hide the others)
            GUARD.note("looking-at-variable", error)
            self.readings[count:] = [unreadable(thing, serial, Reason("error-while-reading", name_of(type(error))))]

    def keep(self, last: Sequence[Reading], counters: Iterable[VersionCounter]) -> None:
        """Carry over the blocks and counters of tensors in host memory that are not read again."""
        storages = {one.storage for one in last}
        self.blocks.update((one, block) for one in storages if (block := self.known_blocks.get(one)))
        if counters:
            held = {one.object for one in last}
            self.counters += [one for one in counters if one.object in held]

    def add_all(
        self, things: Sequence[Any], roles: Sequence[str], serials: Sequence[int], former: Sequence[Reading]
    ) -> None:
        """Read tensors of PyTorch's own types; in columns if each replaces one of the same layout."""
        if not self._add_alike(things, roles, serials, former):
            for each in zip(things, roles, serials, former, strict=True):
                self.add(*each)

    def _add_alike(
        self, things: Sequence[Any], roles: Sequence[str], serials: Sequence[int], former: Sequence[Reading]
    ) -> bool:
        if COMPONENT in roles or not self.known.keys().isdisjoint(serials):
            return False
        try:
            readings = read_all_like(former, things, roles, serials, self.storages)
        except RuntimeError:  # one is odd
            return False
        if readings is None:
            return False
        self.readings += readings
        own, held = self.storages.own, map(storage_of, things)
        for thing, reading, storage in zip(things, readings, held, strict=True):
            if reading.data_ptr:
                self._watch(thing, reading, block_in(storage, reading, foreign=reading.storage not in own))
        return True

    def _add(self, thing: Any, role: str, serial: int, former: Reading | None) -> None:  # noqa: ANN401
        """Read one tensor or array; if it is in place, only its version."""
        last = self.known.get(serial)
        fresh = refresh(last, thing, role) if last else None
        alike = read_like(former, thing, role, serial, self.storages) if former and not fresh else None
        asks = self.objects.may_ask(serial)
        reading = fresh or alike or read(thing, role, serial, self.storages, asks_history=asks)
        if asks and reading.grad_fn:
            self.objects.asked.add(serial)
        if role == COMPONENT:
            reading = reading._replace(kind="component", object=-reading.storage)
        self.readings.append(reading)
        if not reading.storage or reading.unknown or not reading.data_ptr:
            return
        if reading.device != "cpu":
            block_there = self.on_devices[reading.storage] = device_block_of(local_of(thing), reading)
            self._count(thing, reading, block_there)
        else:
            block = self.known_blocks.get(reading.storage) if fresh else None
            self._watch(thing, reading, block or block_of(local_of(thing), reading, self.storages.own))

    def _watch(self, thing: Any, reading: Reading, block: Block) -> None:  # noqa: ANN401
        add_block(self.blocks, reading.storage, block)
        if block.foreign:
            self.storages.foreign.add(reading.storage)
        self._count(thing, reading, block)

    def _count(self, thing: Any, reading: Reading, block: Block) -> None:  # noqa: ANN401
        """Keep the version counter of a tensor in a storage too large to be read while a cell runs."""
        if block.room > WHOLE_LIMIT and reading.kind != "component" and len(self.counters) < MAX_COUNTERS:
            counter = VersionCounter.of(thing, reading)
            if counter is not None:
                self.counters.append(counter)


def join_blocks(several: Iterable[Mapping[int, Block]]) -> dict[int, Block]:
    """Merge the watched bytes of several branches."""
    joined: dict[int, Block] = {}
    for blocks in several:
        if joined.keys().isdisjoint(blocks):
            joined.update(blocks)
        else:
            for storage, block in blocks.items():
                add_block(joined, storage, block)
    return joined


def add_block(blocks: dict[int, Block], storage: int, block: Block) -> None:
    """Merge a watched block of one storage into those found so far."""
    known = blocks.get(storage)
    if known is None:
        blocks[storage] = block
    elif known != block and known.start == block.start:
        blocks[storage] = known.union(block)
