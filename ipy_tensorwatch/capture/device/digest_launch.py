"""Launch the digests of many portions of device memory, and fetch them in one copy without waiting."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from math import prod
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from ..host.torch_private import undisturbed
from .digest_weights import MAX_SEGMENTS, PINNED, SEGMENT_BYTES, Weights
from .word_digest import AT_ONCE, digest_run, digest_short, room_of, total

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...core.memory.strided_layout import Levels

    Layout = tuple[int, tuple[int, ...], tuple[int, ...], int]
    PortionKey = tuple[int, Layout | None]


class Portion(NamedTuple):
    """Bytes of one storage to be digested.

    Attributes
    ----------
    key
        The serial of the storage, and the layout of a part; None for the whole.
    levels
        (stride, size) progressions, finest first, as of a footprint.
    """

    key: PortionKey
    storage: Any
    low: int
    levels: Levels

    @property
    def nbytes(self) -> int:
        """The number of bytes."""
        return prod(size for _, size in self.levels)

    def view(self) -> torch.Tensor:
        """View the bytes on the device, the coarsest level first."""
        shape, strides = [size for _, size in self.levels[::-1]], [stride for stride, _ in self.levels[::-1]]
        empty = torch.empty(0, dtype=torch.uint8, device=self.storage.device)
        return empty.set_(self.storage, self.low, shape, strides)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """Digests on their way to the host.

    Attributes
    ----------
    keys
        Of the portions, in the order of the digests.
    """

    keys: Sequence[PortionKey]
    sums: torch.Tensor
    event: Any

    def has_landed(self) -> bool:
        """Return whether the digests have arrived; does not wait."""
        return bool(self.event.query())

    def lands_within(self, seconds: float) -> bool:
        """Ask for the digests again and again for some seconds, but not longer than they need."""
        until = perf_counter() + seconds
        while not (landed := self.has_landed()) and perf_counter() < until:
            pass
        return landed

    def digests(self) -> dict[PortionKey, bytes]:
        """Return the digest of each portion, 16 bytes."""
        data = self.sums.numpy().tobytes()
        return {key: data[16 * place : 16 * place + 16] for place, key in enumerate(self.keys)}


@dataclass(slots=True, eq=False)
class DigestLauncher:
    """Launches digests on one device, on the stream in use."""

    device: torch.device
    _weights: Weights | None = field(default=None, init=False)

    @property
    def is_idle(self) -> bool:
        """Whether all work launched so far is known to be done."""
        return all(stream.query() for stream in self._streams()) and bool(self._streams())

    def _streams(self) -> tuple[Any, ...]:
        """Return the stream in use; nothing before PyTorch 2.6."""
        current = getattr(getattr(torch, "accelerator", None), "current_stream", None)
        return () if current is None else (current(self.device),)

    @property
    def is_capturing(self) -> bool:
        """Whether the stream in use is being captured into a graph, so that nothing may be launched."""
        ask = getattr(getattr(torch, self.device.type, None), "is_current_stream_capturing", None)
        return bool(ask is not None and ask())

    def launch(self, portions: Sequence[Portion]) -> Flight:
        """Launch the digests of portions of this device's memory, and their copy to the host."""
        with undisturbed(), torch.no_grad():
            weights = self._weights = self._weights or Weights.on(self.device)
            keys: list[PortionKey] = []
            found: list[torch.Tensor] = []
            for some, sums in digest_portions(portions, weights):
                keys += some
                found.append(sums)
            on_device = found[0] if len(found) == 1 else torch.cat(found)
            on_host = torch.empty(
                on_device.shape, dtype=torch.int64, device="cpu", pin_memory=self.device.type in PINNED
            )
            on_host.copy_(on_device, non_blocking=True)
            event = torch.Event(self.device)
            event.record(*self._streams())
        return Flight(keys=keys, sums=on_host, event=event)


def digest_portions(portions: Sequence[Portion], weights: Weights) -> Iterator[tuple[list[PortionKey], torch.Tensor]]:
    """Yield some keys and their sums: the short portions many at a time, the long ones each alone."""
    short = sorted((one for one in portions if one.nbytes <= SEGMENT_BYTES), key=_room)
    for room, alike in groupby(short, key=_room):
        rest = [*alike]
        for some in _parts(rest, max(1, AT_ONCE // room)):
            yield [one.key for one in some], digest_short([_flat(one.view()) for one in some], room, weights)
    for one in portions:
        if one.nbytes > SEGMENT_BYTES:
            yield (
                [one.key],
                digest_run(one.view(), weights) if len(one.levels) == 1 else _digest_scattered(one, weights),
            )


def _digest_scattered(portion: Portion, weights: Weights) -> torch.Tensor:
    """Digest bytes with gaps between them, copied to contiguous memory a segment at a time."""
    found = [
        digest_short([_flat(one) for one in some], room_of(numel), weights)
        for numel, alike in groupby(_segments(portion.view()), key=torch.Tensor.numel)
        for some in _parts([*alike], AT_ONCE // SEGMENT_BYTES)
    ]
    return total(found, weights)


def _segments(view: torch.Tensor) -> Iterator[torch.Tensor]:
    """Split bytes into parts of at most one segment, in address order."""
    if view.numel() <= SEGMENT_BYTES:
        yield view
    elif view.dim() == 1 or view[0].numel() <= SEGMENT_BYTES:
        yield from view.split(SEGMENT_BYTES if view.dim() == 1 else SEGMENT_BYTES // view[0].numel())
    else:
        for part in view:
            yield from _segments(part)


def _flat(view: torch.Tensor) -> torch.Tensor:
    return view if view.dim() == 1 else view.reshape(-1)


def _room(portion: Portion) -> int:
    return room_of(portion.nbytes)


def _parts(many: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(many), most):
        yield many[start : start + most]


MAX_BYTES = MAX_SEGMENTS * SEGMENT_BYTES
"""The largest portion that has a digest."""
