"""Launch the digests of many portions of device memory, and fetch them in one copy without waiting."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from itertools import groupby
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from ...core.runtime.record import field, mutable, record
from ..runtime.torch_private import undisturbed
from .accelerator_api import Sent, send_to
from .digest_weights import MAX_SEGMENTS, SEGMENT_BYTES, Weights
from .kept_copy import LARGEST, KeptCopy
from .word_digest import AT_ONCE, digest_packed, digest_run, digest_short, pack, room_of, total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ...core.memory.footprint import Array
    from ...core.memory.strided_layout import Levels

    Kernel = Callable[[Sequence[tuple[int, int]], Sequence[int], Weights, torch.device], torch.Tensor]
    Layout = tuple[int, tuple[int, ...], tuple[int, ...], int]
    PortionKey = tuple[int, Layout | None]


@cache
def kernel_for(device_type: str) -> Kernel | None:
    """Return the kernel of Triton for a type of devices; None if there is none."""
    if device_type != "cuda":
        return None
    try:
        found: Kernel = import_module(".segment_kernel", __package__).digest_runs
    except Exception:  # noqa: BLE001  (missing, or broken in any way)
        return None
    return found


TRIES = 3
"""The kernel is given up after it has failed so often where the operators have not; once, memory may be short."""
_BITS = torch.tensor([1 << place for place in range(8)], dtype=torch.uint8)


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


@record
class Flight:
    """Digests on their way to the host.

    Attributes
    ----------
    keys
        Of the portions, in the order of the digests.
    copies
        The bytes of small storages, which stay on the device.
    """

    keys: Sequence[PortionKey]
    sums: Sent
    copies: Mapping[int, KeptCopy]

    def digests(self) -> dict[PortionKey, bytes]:
        """Return the digest of each portion, 16 bytes."""
        data = self.sums.numbers().tobytes()
        return {key: data[16 * place : 16 * place + 16] for place, key in enumerate(self.keys)}


@mutable(eq=False)
class DigestLauncher:
    """Launches digests on one device, on the stream in use.

    Attributes
    ----------
    kernel
        Digests runs of memory by one launch; None where Triton is missing: PyTorch's operators do it then.
    """

    @classmethod
    def on(cls, name: str) -> DigestLauncher:
        """Launch on a device, by a kernel if there is one for it."""
        device = torch.device(name)
        return cls(device, kernel_for(device.type))

    device: torch.device
    kernel: Kernel | None = None
    _tries: int = field(default=TRIES, init=False)
    _weights: Weights | None = field(default=None, init=False)
    _bits: torch.Tensor | None = field(default=None, init=False)

    def launch(self, portions: Sequence[Portion], room: int = 0) -> Flight:
        """Launch the digests of portions of this device's memory, and their copy to the host.

        Parameters
        ----------
        room
            How many bytes the copies of small storages may take.
        """
        copies: dict[int, KeptCopy] = {}
        with undisturbed(), torch.no_grad():
            keys, sums = self.digest(portions, room, copies)
            return Flight(keys=keys, sums=Sent.off(sums), copies=copies)

    def digest(
        self, portions: Sequence[Portion], room: int = 0, copies: dict[int, KeptCopy] | None = None
    ) -> tuple[list[PortionKey], torch.Tensor]:
        """Launch the digests of portions; return them in the order of their keys, which is the same each time."""
        weights = self._weights = self._weights or Weights.on(self.device)
        keys: list[PortionKey] = []
        found: list[torch.Tensor] = []
        runs, rest = self._split(portions)
        by_kernel = self._digest_runs(runs, weights, room, {} if copies is None else copies) if runs else None
        if by_kernel is not None:
            keys += [one.key for one in runs]
            found.append(by_kernel)
        for some, sums, rows in digest_portions(portions if by_kernel is None else rest, weights):
            keys += some
            found.append(sums)
            if rows is not None and copies is not None and rows.nbytes <= room:
                room -= rows.nbytes
                copies.update((key, KeptCopy(rows, row)) for row, (key, _) in enumerate(some))
        if runs:
            self._rate_kernel(is_fine=by_kernel is not None)
        return keys, found[0] if len(found) == 1 else torch.cat(found)

    def _rate_kernel(self, *, is_fine: bool) -> None:
        """Note whether the kernel did what the operators could, too."""
        self._tries = TRIES if is_fine else self._tries - 1
        if not self._tries:
            self.kernel = None

    def _split(self, portions: Sequence[Portion]) -> tuple[list[Portion], list[Portion]]:
        """Return the portions that the kernel digests, and the others."""
        runs = [one for one in portions if len(one.levels) == 1] if self.kernel is not None else []
        return runs, [one for one in portions if len(one.levels) > 1]

    def _digest_runs(
        self, runs: Sequence[Portion], weights: Weights, room: int, copies: dict[int, KeptCopy]
    ) -> torch.Tensor | None:
        """Digest runs, and copy the small storages, by one launch; None if there is no kernel, or it fails."""
        targets = self._place_copies(runs, room, copies)
        addresses = [(one.storage.data_ptr() + one.low, one.nbytes) for one in runs]
        try:
            return None if self.kernel is None else self.kernel(addresses, targets, weights, self.device)
        except Exception:  # noqa: BLE001  (of the compiler or of the device: then the operators raise too)
            copies.clear()
            return None

    def _place_copies(self, runs: Sequence[Portion], room: int, copies: dict[int, KeptCopy]) -> list[int]:
        """Make memory for the copies of small storages, as far as there is room; return the address for each run."""
        targets = [0] * len(runs)
        small = [place for place, one in enumerate(runs) if one.key[1] is None and one.nbytes <= LARGEST]
        by_room: dict[int, list[int]] = {}
        for place in small:
            by_room.setdefault(room_of(runs[place].nbytes), []).append(place)
        for size, places in by_room.items():
            if size * len(places) <= room:
                room -= size * len(places)
                rows = torch.empty((len(places), size // 8), dtype=torch.int64, device=self.device)
                for row, place in enumerate(places):
                    targets[place] = rows.data_ptr() + row * size
                    copies[runs[place].key[0]] = KeptCopy(rows, row)
        return targets

    def send(self, here: Array) -> torch.Tensor:
        """Copy numbers to the device, which may be at work meanwhile."""
        with undisturbed(), torch.no_grad():
            return send_to(self.device, torch.from_numpy(here.copy()))

    def pack_bits(self, rows: torch.Tensor) -> torch.Tensor:
        """Return a byte for each row of eight truth values, the first the lowest bit."""
        weights = self._bits = send_to(self.device, _BITS) if self._bits is None else self._bits
        return (rows * weights).sum(1, dtype=torch.uint8)


def digest_portions(
    portions: Sequence[Portion], weights: Weights
) -> Iterator[tuple[list[PortionKey], torch.Tensor, torch.Tensor | None]]:
    """Yield some keys and their sums: the short portions many at a time, with their bytes, the long ones each alone."""
    short = sorted((one for one in portions if one.nbytes <= SEGMENT_BYTES), key=_class_of)
    for (is_part, room), alike in groupby(short, key=_class_of):
        for some in _parts([*alike], max(1, AT_ONCE // room)):
            rows = pack([one.view().flatten() for one in some], room)
            yield (
                [one.key for one in some],
                digest_packed(rows, weights),
                None if is_part or room > LARGEST else rows,
            )
    for one in portions:
        if one.nbytes > SEGMENT_BYTES:
            digest = digest_run(one.view(), weights) if len(one.levels) == 1 else _digest_scattered(one, weights)
            yield [one.key], digest, None


def _digest_scattered(portion: Portion, weights: Weights) -> torch.Tensor:
    """Digest bytes with gaps between them, copied to contiguous memory a segment at a time."""
    found = [
        digest_short([one.flatten() for one in some], room_of(numel), weights)
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


def _class_of(portion: Portion) -> tuple[bool, int]:
    return portion.key[1] is not None, room_of(portion.nbytes)


def _parts(many: Sequence[Any], most: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(many), most):
        yield many[start : start + most]


MAX_BYTES = MAX_SEGMENTS * SEGMENT_BYTES
"""The largest portion that has a digest."""
