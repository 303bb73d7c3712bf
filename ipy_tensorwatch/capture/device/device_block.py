"""A storage in the memory of a device, which the host never reads."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from ...core.runtime.record import mutable
from ..memory.byte_block import Block
from ..tensors.plain_reads import storage_of

if TYPE_CHECKING:
    from ...core.records.reading import Reading
    from ..memory.byte_block import Bytes, Runs


@mutable
class DeviceBlock(Block):
    """All bytes of one storage of a device; whoever asks for them on the host gets nothing."""

    device: str = ""

    def __post_init__(self) -> None:
        """Compute the ends, and no buffer."""
        self.start, self.end = self.address - self.low, self.low + self.nbytes
        self.span, self.bytes_here = b"", None

    def copy_runs(self, runs: Runs) -> Bytes | None:  # noqa: ARG002
        """Copy nothing."""
        return None

    def window(self, owner: object = None) -> Any:  # noqa: ANN401, ARG002
        """Return no buffer."""
        return None

    def digest(self, owner: object = None) -> bytes | None:  # noqa: ARG002
        """Digest nothing: the device does that."""
        return None

    def write(self, runs: Runs, data: Bytes) -> bool:  # noqa: ARG002
        """Write nothing."""
        return False


def device_block_of(tensor: Any, reading: Reading) -> DeviceBlock:  # noqa: ANN401
    """Return the storage that a tensor of a device lies in."""
    storage = storage_of(tensor)
    room = storage.nbytes()
    start = reading.data_ptr - reading.low
    return DeviceBlock(start, room, 0, room, foreign=False, owner=weakref.ref(storage), device=reading.device)
