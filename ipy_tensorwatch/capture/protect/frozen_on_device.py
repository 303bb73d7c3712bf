"""Frozen bytes in the memory of a device: kept there, and put back there behind the work that wrote them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ...core.memory.footprint import footprint_of
from ...core.memory.strided_layout import are_nested
from ...core.runtime.record import field, mutable
from ..device.accelerator_api import Sent, is_idle, is_untouchable
from ..device.digest_launch import Portion
from ..device.known_streams import others_work
from ..runtime.torch_private import undisturbed

if TYPE_CHECKING:
    from ...core.memory.strided_layout import Levels
    from ...core.records.reading import Reading

MENDING_WAIT = 0.005
"""The longest that an idle device is waited for, in seconds."""
MAX_UNREAD = 64
"""So many comparisons may be on the way to the host."""


@mutable(eq=False)
class FrozenOnDevice:
    """The bytes that the elements of a tensor cover, kept on its device.

    Attributes
    ----------
    levels
        Where they lie from the lowest one on.
    """

    levels: Levels
    data: torch.Tensor
    _under_way: list[Sent] = field(default_factory=list)

    @classmethod
    def of(cls, storage: Any, reading: Reading) -> FrozenOnDevice | None:  # noqa: ANN401
        """Copy the bytes; None if they are too scattered, or the device cannot do it now."""
        footprint = footprint_of(reading) if reading.nbytes else None
        if footprint is None or not are_nested(footprint.levels) or is_untouchable(storage.device):
            return None
        if others_work(storage.device):  # what they still write would be taken for what is to stay
            return None
        with undisturbed(), torch.no_grad():
            return cls(footprint.levels, _view(storage, reading.low, footprint.levels).clone())

    def mend(self, storage: Any, low: int) -> bool:  # noqa: ANN401
        """Launch that the bytes are put back; return whether a comparison that has arrived found others.

        Nothing waits for a device that is at work: the bytes are put back in their turn, and it is told later.
        """
        device = self.data.device
        if is_untouchable(device):
            return False
        if len(self._under_way) < MAX_UNREAD:
            was_idle = is_idle(device)
            with undisturbed(), torch.no_grad():
                there = _view(storage, low, self.levels)
                try:
                    self._under_way.append(Sent.off((there != self.data).any().view(1)))
                finally:  # comparing takes memory, of which there may be none
                    there.copy_(self.data)
            if was_idle:
                self._under_way[-1].lands_within(MENDING_WAIT)
        arrived = [one for one in self._under_way if one.has_landed()]
        self._under_way = [one for one in self._under_way if not any(one is other for other in arrived)]
        return any(bool(one.numbers()[0]) for one in arrived)


def _view(storage: Any, low: int, levels: Levels) -> torch.Tensor:  # noqa: ANN401
    return Portion((0, None), storage, low, levels).view()
