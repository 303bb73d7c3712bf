"""The devices that a trial may compute on: those that do nothing else, with a small share of their free memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ...core.runtime.record import mutable
from ..device.accelerator_api import ask, is_idle, stream_in_use, use_streams
from ..device.kept_copy import room_for_copies
from ..device.known_streams import others_work
from .trial_namespace import NotKnownError

if TYPE_CHECKING:
    from collections.abc import Iterable


@mutable(eq=False)
class TrialDevices:
    """The devices of the watched tensors, as the user's thread uses them.

    Attributes
    ----------
    rooms
        By device: how many bytes the trial may still take there.
    streams
        Those that the user's thread launches on; the one of its current device is the last.
    """

    rooms: dict[torch.device, int]
    streams: list[Any]

    @classmethod
    def ready(cls, names: Iterable[str]) -> TrialDevices | None:
        """Return the devices by their names; None if one works, is captured, was lost, or has no memory to spare."""
        devices = [torch.device(name) for name in names]
        rooms = {one: ask(_room_on, one, default=0) for one in devices}
        if not all(rooms.values()) or any(map(others_work, devices)):
            return None
        return cls(rooms, [stream_in_use(one) for one in devices])

    def enter(self) -> None:
        """Let the present thread launch where the user's does."""
        use_streams(self.streams)

    def pay(self, made: torch.Tensor) -> None:
        """Pay for a tensor that the trial made.

        Raises
        ------
        NotKnownError
            If it is on another device, or there is no room for it.
        """
        if made.device.type in ("cpu", "meta"):
            return
        self.rooms[made.device] = self.rooms.get(made.device, 0) - made.nbytes
        if self.rooms[made.device] < 0:
            raise NotKnownError


def _room_on(device: torch.device) -> int:
    return room_for_copies(device) if is_idle(device) else 0
