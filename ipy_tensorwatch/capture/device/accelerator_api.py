"""What PyTorch documents of an accelerator's streams, captures and memory: the only file that asks for them."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from ...core.runtime.guard import GUARD
from ...core.runtime.record import record
from ..runtime.torch_private import undisturbed
from .left_errors import has_left_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

T = TypeVar("T")

PINNED = ("cuda", "xpu")
"""The devices that copy from and to the host in the background only if its memory is pinned."""


EVENT_WAIT = 0.001
"""The longest that is waited for an event behind no work, in seconds: so an idle device is known where it says nothing
of its streams, as MPS."""


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
    stream = _stream_to_ask(device)
    return stream is not None and _is_done(stream)


def is_known_at_work(device: torch.device) -> bool:
    """Return whether the stream in use says that it has work left; nothing is waited for."""
    stream = _stream_to_ask(device)
    return stream is not None and not stream.query()


def _stream_to_ask(device: torch.device) -> Any:  # noqa: ANN401
    """Return the stream in use; None if it must not be asked, or cannot be."""
    return None if is_untouchable(device) else stream_in_use(device)


def is_untouchable(device: torch.device) -> bool:
    """Return whether nothing may be launched or asked for: an error waits for the user's code, or work is captured."""
    return has_left_error(device) or is_capturing(device)


def streams_among(things: Iterable[object]) -> list[Any]:
    """Return the streams among some objects."""
    kinds = _stream_types()
    return [one for one in things if any(type(one) is kind for kind in kinds)]


def busy_streams(streams: Sequence[Any]) -> list[Any]:
    """Return the streams that still work, or are captured; none of them is asked while one is captured."""
    captured = [one for one in streams if ask(_is_captured, one, default=False)]
    for one in captured:
        _remember_captured(one)
    return captured or [one for one in streams if ask(_is_at_work, one, default=False)]


def _is_captured(stream: Any) -> bool:  # noqa: ANN401
    """Return whether a stream is being captured into a graph; any device may be asked that."""
    if hasattr(stream, "is_capturing"):  # since PyTorch 2.12
        return bool(stream.is_capturing())
    module = _module(stream.device)
    if not (hasattr(module, "stream") and hasattr(module, "is_current_stream_capturing")):
        return False
    with module.stream(stream):
        return bool(module.is_current_stream_capturing())


def stream_key(stream: Any) -> tuple[torch.device, int]:  # noqa: ANN401
    """Return what a stream has in common with others of its kind that stand for the same one.

    PyTorch's own comparison takes those of two classes for different, or reads the memory of what is none.
    """
    return stream.device, stream.stream_id


def _is_at_work(stream: Any) -> bool:  # noqa: ANN401
    """Return whether a stream works, if it may be asked."""
    return not is_untouchable(stream.device) and not _is_done(stream)


def _is_done(stream: Any) -> bool:  # noqa: ANN401
    """Return whether a stream has no work left; asked by an event where it does not say, as on MPS.

    That raises too if the device was lost. Nothing of a failure is remembered: the next look asks the stream again.
    """
    try:
        return bool(stream.query())
    except RuntimeError:
        event = torch.Event(stream.device)
        event.record(stream)
        return _comes_true(event.query, EVENT_WAIT)


def _comes_true(asked: Callable[[], bool], seconds: float) -> bool:
    """Ask again and again for some seconds, but not longer than needed."""
    until = perf_counter() + seconds
    while not (is_true := bool(asked())) and perf_counter() < until:
        pass
    return is_true


@cache
def _stream_types() -> frozenset[type]:
    modules = [torch, *(getattr(torch, name, None) for name in ("cuda", "xpu", "mtia"))]
    kinds = [getattr(module, "Stream", None) for module in modules]
    kinds += [getattr(module, "ExternalStream", None) for module in modules]
    return frozenset(one for one in kinds if isinstance(one, type))


_captured: list[Any] = []
"""The streams that were seen to be captured: the user's code may leave one, and end its capture later."""


def is_capturing(device: torch.device) -> bool:
    """Return whether the stream in use, of a device or of the current one, or one left so, is captured into a graph.

    Nothing may be launched or asked for then, not even on other devices: that could spoil the graph.
    """
    _captured[:] = [one for one in _captured if ask(_is_captured, one, default=False)]
    asked = getattr(_module(device), "is_current_stream_capturing", None)
    if asked is None or _captured:
        return bool(_captured)
    for place in (nullcontext(), made_current(device)):
        with place:
            if asked():
                _remember_captured(stream_in_use(torch.device(device.type)))
                return True
    return False


def _remember_captured(stream: Any) -> None:  # noqa: ANN401
    if stream is not None and is_lasting(stream):
        _captured.append(stream)


def is_lasting(stream: Any) -> bool:  # noqa: ANN401
    """Return whether a stream is one of PyTorch's own; one of another library may be destroyed, and must not be asked.

    The number of such a stream is its address, which is even.
    """
    return stream.device.type not in PINNED or stream.stream_id == 0 or bool(stream.stream_id % 2)


def free_bytes(device: torch.device) -> int:
    """Return how many bytes of a device's memory are free; 0 if it does not say."""
    module = _module(device)
    if hasattr(module, "mem_get_info"):
        return int(module.mem_get_info(device)[0])
    if hasattr(module, "recommended_max_memory"):  # MPS shares its memory with the host
        return max(0, int(module.recommended_max_memory()) - int(module.driver_allocated_memory()))
    return 0


SCRATCH = 1 << 25
"""The bytes that one look surely does with."""


def has_scratch(device: torch.device) -> bool:
    """Return whether a device has memory for a look; True if it does not say.

    Without it, PyTorch would give back all that it keeps for the user's next tensors, and wait for the device.
    """
    module = _module(device)
    if not hasattr(module, "mem_get_info") or free_bytes(device) >= SCRATCH:
        return True
    if not hasattr(module, "memory_reserved"):
        return False
    return bool(module.memory_reserved(device) - module.memory_allocated(device) >= SCRATCH)


def _module(device: torch.device) -> Any:  # noqa: ANN401
    return getattr(torch, device.type, None)


def stream_in_use(device: torch.device) -> Any:  # noqa: ANN401
    """Return the stream in use; None if a device does not tell.

    Before PyTorch 2.6, and of devices of another type than its accelerator, as CUDA's beside a backend that was added
    to it, the module of their type tells.
    """
    current = getattr(getattr(torch, "accelerator", None), "current_stream", None)
    if current is not None and torch.accelerator.current_accelerator() == torch.device(device.type):
        return current(device)
    by_type = getattr(_module(device), "current_stream", None)
    return None if by_type is None else by_type(device)


def made_current(device: torch.device) -> AbstractContextManager[Any]:
    """Make a device the current one, for what can be asked of that one only."""
    change = getattr(_module(device), "device", None)
    return nullcontext() if change is None or device.index is None else change(device)


_on_the_way: list[Sent] = []
"""What nobody may want any more, but devices still write to: of pinned memory, PyTorch itself keeps what is in use."""


@record(kw_only=False)
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
        event, stream = torch.Event(device), stream_in_use(device)
        with made_current(device):  # whose stream is recorded if there is none
            event.record(*(() if stream is None else (stream,)))
        sent = cls(here, device, event)
        if device.type not in PINNED:
            _on_the_way[:] = [one for one in _on_the_way if not ask(one.has_landed, default=True)] + [sent]
        return sent

    def numbers(self) -> Any:  # noqa: ANN401
        """Return the numbers that have arrived, as a NumPy array, whatever modes the user is in."""
        with undisturbed(), torch.no_grad():
            return self.values.numpy()

    def has_landed(self) -> bool:
        """Return whether the numbers have arrived; does not wait, and does not ask where that could do harm."""
        return not is_untouchable(self.device) and bool(self.event.query())

    def lands_within(self, seconds: float) -> bool:
        """Ask for the numbers again and again for some seconds, but not longer than they need."""
        return _comes_true(self.has_landed, seconds)


def copies_later(device: torch.device, storage: Any) -> bool:  # noqa: ANN401
    """Return whether a device's copy to this storage of the host may go on while the host does, if it is asked for."""
    return device.type not in PINNED or is_pinned(storage)


def is_pinned(storage: Any) -> bool:  # noqa: ANN401
    """Return whether a storage of the host is in pinned memory."""
    with undisturbed():
        # a storage itself, before PyTorch 2.12, takes the memory of other devices than CUDA for not pinned
        return torch.empty(0, dtype=torch.uint8, device="cpu").set_(storage).is_pinned()


def use_streams(streams: Iterable[Any]) -> None:
    """Let the present thread launch on these streams; the device of the last one is its current one."""
    for one in streams:
        torch.accelerator.set_stream(one)


def backward_starts_devices() -> bool:
    """Return whether a first backward would make PyTorch look for devices, and start a thread for each.

    A process that has not used its devices may fork others that do, or that run a backward: afterwards it could not.
    """
    kind = _accelerator()
    module: Any = getattr(torch, kind or "", None)
    if not hasattr(os, "fork") or not hasattr(module, "is_initialized") or module.is_initialized():
        return False
    return not _has_engine() and (kind != "cuda" or torch.cuda.device_count() > 0)


def _accelerator() -> str | None:
    """Return the type of devices that PyTorch was built for; asks none of them."""
    if hasattr(torch, "accelerator"):  # since PyTorch 2.6
        found = torch.accelerator.current_accelerator()
        return None if found is None else found.type
    return "cuda" if torch.backends.cuda.is_built() else None


def _has_engine() -> bool:
    """Return whether a backward has started threads already, as far as the system tells their names."""
    try:
        return any(one.read_text().startswith("pt_autograd") for one in Path("/proc/self/task").glob("*/comm"))
    except OSError:  # a thread has ended meanwhile
        return False


def send_to(device: torch.device, here: torch.Tensor) -> torch.Tensor:
    """Copy a tensor of the host to a device, which may be at work meanwhile."""
    return (here.pin_memory() if device.type in PINNED else here).to(device, non_blocking=True)
