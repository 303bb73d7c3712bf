"""Remember the digests of storages on devices, and find the storages that changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from ...core.host.guard import GUARD
from ...core.memory.footprint import footprint_of
from ...core.memory.strided_layout import are_nested
from ..device.digest_launch import MAX_BYTES, DigestLauncher, Flight, Portion
from .compare_bytes import ByteVerdict, Fingerprints, StorageMark, is_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ...core.model.reading import Reading
    from ..device.device_block import DeviceBlock
    from .compare_bytes import ByteOutcome, BytePart

    Parts = Callable[[int], Iterable[Reading]]

IDLE_WAIT = 0.005
"""The longest that an idle device is waited for, in seconds: our own digests are all that it does."""


class Departure(NamedTuple):
    """The digests launched at one look on one device, with the blocks that they are of."""

    blocks: Mapping[int, DeviceBlock]
    flight: Flight


@dataclass(slots=True, eq=False)
class DevicePrints:
    """Compares the storages on devices with their marks, which it keeps beside those of the CPU."""

    prints: Fingerprints
    _launchers: dict[str, DigestLauncher] = field(default_factory=dict)
    _under_way: list[Departure] = field(default_factory=list)

    def compare(self, blocks: Mapping[int, DeviceBlock], cell: int, parts: Parts) -> dict[int, ByteVerdict]:
        """Launch the digests of all storages; return what those that arrive at once show.

        Parameters
        ----------
        parts
            Returns the readings of a storage.
        """
        by_device: dict[str, dict[int, DeviceBlock]] = {}
        for storage, block in blocks.items():
            by_device.setdefault(block.device, {})[storage] = block
        left_out: dict[int, ByteOutcome] = {}
        for device, some in by_device.items():
            left_out.update(self._launch(device, some, parts))
        verdicts = self.settle()
        verdicts.update((one, self._skip(one, cell, left_out[one])) for one in left_out.keys() - verdicts.keys())
        return {storage: one for storage, one in verdicts.items() if one.outcome != "same"}

    def settle(self) -> dict[int, ByteVerdict]:
        """Return what the digests that have arrived meanwhile show, of each storage."""
        verdicts: dict[int, ByteVerdict] = {}
        under_way, self._under_way = self._under_way, []
        for one in under_way:
            if GUARD.run("comparing-devices", one.flight.has_landed, default=False):
                verdicts.update(self._judge(one))
            else:
                self._under_way.append(one)
        return verdicts

    def _launch(self, device: str, blocks: Mapping[int, DeviceBlock], parts: Parts) -> dict[int, ByteOutcome]:
        """Launch the digests of one device; return for each storage why it has none yet."""
        launcher = self._launchers.setdefault(device, DigestLauncher(torch.device(device)))
        held = {storage: block.hold() for storage, block in blocks.items()}
        there = [
            storage for storage, owner in held.items() if owner is not None and blocks[storage].nbytes <= MAX_BYTES
        ]
        outcomes: dict[int, ByteOutcome] = dict.fromkeys(blocks, "moved")
        try:
            if launcher.is_capturing:
                return dict.fromkeys(blocks, "captured")
            is_idle = launcher.is_idle
            flight = launcher.launch(
                [one for key in there for one in _portions(key, held[key], blocks[key], parts(key))]
            )
        except RuntimeError:  # the device is out of memory, or was lost, or the user's own kernel failed
            return dict.fromkeys(blocks, "failed")
        self._under_way.append(Departure({storage: blocks[storage] for storage in there}, flight))
        if is_idle:
            flight.lands_within(IDLE_WAIT)
        return outcomes | dict.fromkeys(there, "pending")

    def _judge(self, seen: Departure) -> Iterator[tuple[int, ByteVerdict]]:
        digests = seen.flight.digests()
        known: dict[int, dict[BytePart, bytes]] = {storage: {} for storage in seen.blocks}
        for (storage, layout), digest in digests.items():
            if layout is not None:
                known[storage][layout] = digest
        for storage, block in seen.blocks.items():
            before, since = self.prints.on_devices.get(storage), self.prints.waiting.pop(storage, None)
            after = self.prints.on_devices[storage] = StorageMark(block, digests[storage, None], None, known[storage])
            outcome: ByteOutcome = "new" if before is None else "changed"
            if before is not None and before.block == block and before.digest == after.digest:
                outcome = "same"
            yield storage, ByteVerdict(outcome, before, after, since)

    def _skip(self, storage: int, cell: int, outcome: ByteOutcome) -> ByteVerdict:
        since = self.prints.waiting.setdefault(storage, cell - 1)
        return ByteVerdict(outcome, self.prints.on_devices.get(storage), None, since)


def _portions(storage: int, owner: Any, block: DeviceBlock, readings: Iterable[Reading]) -> Iterator[Portion]:  # noqa: ANN401
    """Yield a whole storage, and the parts of it that tensors cover."""
    yield Portion((storage, None), owner, block.low, [(1, block.nbytes)])
    for reading in {one.layout: one for one in readings if one.nbytes and not is_whole(one, block)}.values():
        footprint = footprint_of(reading)
        if footprint is not None and are_nested(footprint.levels):
            yield Portion((storage, reading.layout), owner, reading.low, footprint.levels)
