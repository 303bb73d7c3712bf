"""What PyTorch documents of an accelerator's streams, captures and memory: the only file that asks for them."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from ...core.host.guard import GUARD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

T = TypeVar("T")

PINNED = ("cuda", "xpu")
"""The devices that copy from and to the host in the background only if its memory is pinned."""


def ask(action: Callable[..., T], *args: Any, default: T) -> T:  # noqa: ANN401
    """Return what an action on a device returns; the default if the device is out of memory, or lost.

    So it is after a kernel of the user's that failed, too: the user's own code is told of that when it asks itself.
    """

    def attempt() -> T:
        try:
            return action(*args)
        except RuntimeError:
            return default

    return GUARD.run("comparing-devices", attempt, default=default)


def is_idle(device: torch.device) -> bool:
    """Return whether all work launched on the stream in use is known to be done."""
    stream = _stream(device)
    return stream is not None and bool(stream.query())


def busy_devices(things: Iterable[object]) -> set[str]:
    """Return the devices that still work on a stream of the user's own, among some objects."""
    kinds = _stream_types()
    return {str(one.device) for one in things if type(one) in kinds and not one.query()}  # type: ignore[attr-defined]


@cache
def _stream_types() -> frozenset[type]:
    modules = [torch, *(getattr(torch, name, None) for name in ("cuda", "xpu", "mtia"))]
    kinds = [getattr(module, "Stream", None) for module in modules]
    kinds += [getattr(module, "ExternalStream", None) for module in modules]
    return frozenset(one for one in kinds if isinstance(one, type))


def is_capturing(device: torch.device) -> bool:
    """Return whether the stream in use is being captured into a graph: nothing may be launched or asked for then."""
    ask = getattr(_module(device), "is_current_stream_capturing", None)
    with made_current(device):
        return bool(ask is not None and ask())


def free_bytes(device: torch.device) -> int:
    """Return how many bytes of a device's memory are free; 0 if it does not say."""
    ask = getattr(_module(device), "mem_get_info", None)
    return 0 if ask is None else int(ask(device)[0])


def _module(device: torch.device) -> Any:  # noqa: ANN401
    return getattr(torch, device.type, None)


def _stream(device: torch.device) -> Any:  # noqa: ANN401
    """Return the stream in use; None before PyTorch 2.6."""
    current = getattr(getattr(torch, "accelerator", None), "current_stream", None)
    return None if current is None else current(device)


def made_current(device: torch.device) -> AbstractContextManager[Any]:
    """Make a device the current one, for what can be asked of that one only."""
    change = getattr(_module(device), "device", None)
    return nullcontext() if change is None or device.index is None else change(device)


@dataclass(frozen=True, slots=True)
class Sent:
    """Numbers on their way from a device to the host."""

    values: torch.Tensor
    device: torch.device
    event: Any

    @classmethod
    def off(cls, values: torch.Tensor) -> Sent:
        """Launch the copy of a tensor to the host, behind the work that computes it."""
        device = values.device
        here = torch.empty(values.shape, dtype=values.dtype, device="cpu", pin_memory=device.type in PINNED)
        here.copy_(values, non_blocking=True)
        event, stream = torch.Event(device), _stream(device)
        event.record(*(() if stream is None else (stream,)))
        return cls(here, device, event)

    def has_landed(self) -> bool:
        """Return whether the numbers have arrived; does not wait, and does not ask while a stream is captured."""
        return not is_capturing(self.device) and bool(self.event.query())

    def lands_within(self, seconds: float) -> bool:
        """Ask for the numbers again and again for some seconds, but not longer than they need."""
        until = perf_counter() + seconds
        while not (landed := self.has_landed()) and perf_counter() < until:
            pass
        return landed


def send_to(device: torch.device, here: torch.Tensor) -> torch.Tensor:
    """Copy a tensor of the host to a device, which may be at work meanwhile."""
    return (here.pin_memory() if device.type in PINNED else here).to(device, non_blocking=True)
