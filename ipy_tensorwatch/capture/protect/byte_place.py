"""Where the bytes of a tensor's elements lie, on the host or on a device: copied, compared and written there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...core.memory.footprint import footprint_of
from ...core.runtime.record import record
from ..compare.device_mark import DeviceMark
from ..device.accelerator_api import send_to
from ..device.word_digest import room_of
from ..memory.byte_block import block_of
from ..runtime.torch_private import undisturbed
from ..tensors.plain_reads import storage_of

if TYPE_CHECKING:
    from collections.abc import Container

    from ...core.records.reading import Reading
    from ..compare.compare_bytes import StorageMark
    from ..memory.byte_block import Block, Runs


def place_of(thing: Any, reading: Reading, own: Container[int]) -> BytePlace | None:  # noqa: ANN401
    """Return where the bytes of a tensor or array lie; None if they are too scattered."""
    footprint = footprint_of(reading)
    runs = None if footprint is None else footprint.runs()
    if runs is None:
        return None
    if reading.device != "cpu":
        return DevicePlace(storage_of(thing), reading, runs)
    return HostPlace(block_of(thing, reading, own).part(reading.low, reading.high - reading.low), reading, runs)


@record(kw_only=False)
class HostPlace:
    """Runs of bytes in the memory of the host; a copy is a bytes object or a buffer."""

    block: Block
    reading: Reading
    runs: Runs

    def copy(self) -> Any:  # noqa: ANN401
        """Copy the present bytes; None if they cannot be read."""
        return self.block.copy_runs(self.runs)

    def kept(self, mark: StorageMark) -> Any:  # noqa: ANN401
        """Return a copy of these bytes as a mark of their storage has them; None if it has none."""
        covered = mark.covered(self.reading)
        return None if covered is None else covered.tobytes()

    def write(self, data: Any) -> bool:  # noqa: ANN401
        """Write a copy back; return whether that was possible."""
        return self.block.write(self.runs, data)

    def are_equal(self, a: Any, b: Any) -> bool:  # noqa: ANN401
        """Return whether two copies are the same; two that are missing are not."""
        return a is not None and b is not None and bool(a == b)


@record(kw_only=False)
class DevicePlace:
    """Bytes in the memory of a device, which the host never sees; a copy is a tensor of the span that holds them."""

    storage: Any
    reading: Reading
    runs: Runs

    def copy(self) -> Any:  # noqa: ANN401
        """Copy the present bytes, those between them as well."""
        with undisturbed(), torch.no_grad():
            return self._span(self.storage, self.reading.low).clone()

    def kept(self, mark: StorageMark) -> Any:  # noqa: ANN401
        """Return a copy of these bytes as a mark has them on the device; None if it has none."""
        if not isinstance(mark, DeviceMark) or mark.kept is None or mark.block.nbytes < self.reading.high:
            return None
        room = room_of(mark.block.nbytes)
        with undisturbed(), torch.no_grad():
            return self._span(mark.kept.rows.untyped_storage(), mark.kept.row * room + self.reading.low)

    def write(self, data: Any) -> bool:  # noqa: ANN401
        """Write a copy back, behind the work of the stream in use."""
        with undisturbed(), torch.no_grad():
            there = self._span(self.storage, self.reading.low)
            there.copy_(self._chosen(data, there))
        return True

    def are_equal(self, a: Any, b: Any) -> bool:  # noqa: ANN401
        """Return whether two copies are the same, compared on the device."""
        with undisturbed(), torch.no_grad():
            return a is not None and b is not None and bool(torch.equal(self._chosen(a, b), b))

    def _chosen(self, data: torch.Tensor, beside: torch.Tensor) -> torch.Tensor:
        """Return the bytes of a copy, with what lies between them taken from another."""
        if len(self.runs) == 1:
            return data
        steps = np.zeros(len(data) + 1, np.int8)
        steps[self.runs[:, 0]], steps[self.runs.sum(1)] = 1, -1
        mask = torch.from_numpy(np.cumsum(steps[:-1], dtype=np.int8).astype(np.bool_))
        return torch.where(send_to(data.device, mask), data, beside)

    def _span(self, storage: Any, low: int) -> torch.Tensor:  # noqa: ANN401
        empty = torch.empty(0, dtype=torch.uint8, device=storage.device)
        return empty.set_(storage, low, [self.reading.high - self.reading.low], [1])


BytePlace = HostPlace | DevicePlace
"""Where the bytes lie that the elements of one tensor or array cover; copies of them are opaque."""
