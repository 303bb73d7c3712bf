"""The digests of several looks while a cell runs, which stay on their device: the host reads once what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from ...core.runtime.record import field, mutable
from ..runtime.torch_private import undisturbed
from .accelerator_api import Sent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .digest_launch import DigestLauncher, Layout, Portion, PortionKey

MAX_LOOKS = 64
"""The number of looks in one cell: each costs one bit for each portion when the log is read."""


class DigestLook(NamedTuple):
    """One look: the digests of some portions, in the order of their keys, on the device."""

    number: int
    keys: Sequence[PortionKey]
    sums: torch.Tensor


class Compared(NamedTuple):
    """Some portions compared with an earlier look at each: whether they differ, on the device."""

    number: int
    keys: Sequence[PortionKey]
    since: Sequence[int]
    differs: torch.Tensor


class PortionChange(NamedTuple):
    """A portion at two looks."""

    since: int
    number: int
    differs: bool


@mutable(eq=False)
class LookLog:
    """The looks at the portions of one device."""

    launcher: DigestLauncher
    _last: dict[PortionKey, tuple[DigestLook, int]] = field(default_factory=dict)
    _compared: list[Compared] = field(default_factory=list)
    _looks: list[DigestLook] = field(default_factory=list)
    _sent: Sent | None = None
    _read: dict[int, dict[Layout | None, list[PortionChange]]] | None = None
    _began: Mapping[PortionKey, bytes] = field(default_factory=dict)

    def begin(self, known: Mapping[PortionKey, bytes]) -> None:
        """Start with the digests that the portions had when the cell began."""
        self._began = known
        if known:
            data = np.frombuffer(b"".join(known.values()), np.int64).reshape(-1, 2)
            self._remember(DigestLook(0, [*known], self.launcher.send(data)))

    @property
    def is_full(self) -> bool:
        """Whether no further look has room, but for the last one."""
        return len(self._looks) >= MAX_LOOKS

    @property
    def has_looked(self) -> bool:
        """Whether there was a look while the cell ran."""
        return any(one.number for one in self._looks)

    def look(self, portions: Sequence[Portion], number: int) -> None:
        """Launch the digests of portions, and their comparison with the last look at each."""
        with undisturbed(), torch.no_grad():
            keys, sums = self.launcher.digest(portions)
            look = DigestLook(number, keys, sums)
            known = [(key, row) for row, key in enumerate(keys) if key in self._last]
            if known:
                last = [self._last[key] for key, _ in known]
                differs = (_rows_of(last) != _rows_of([(look, row) for _, row in known])).any(1)
                since = [one.number for one, _ in last]
                self._compared.append(Compared(number, [key for key, _ in known], since, differs))
            self._remember(look)

    def _remember(self, look: DigestLook) -> None:
        self._looks.append(look)
        self._last.update((key, (look, row)) for row, key in enumerate(look.keys))

    def send(self) -> None:
        """Launch the copy to the host of what changed, a bit for each comparison."""
        if self._compared and self._sent is None:
            with undisturbed(), torch.no_grad():
                every = torch.cat([one.differs for one in self._compared])
                filled = torch.cat([every, every.new_zeros(-len(every) % 8)]).view(-1, 8)
                self._sent = Sent.off(self.launcher.pack_bits(filled))

    def changes(self) -> Mapping[int, Mapping[Layout | None, Sequence[PortionChange]]] | None:
        """Return by storage and layout the comparisons of each portion in order; None before they have arrived.

        What was looked at only once, because the cell made and released it, has the same bytes then as then.
        """
        if self._read is None and (not self._compared or (self._sent is not None and self._sent.has_landed())):
            bits = iter(np.unpackbits(self._sent.numbers(), bitorder="little").tolist() if self._sent else ())
            self._read = {}
            for one in self._compared:
                for (storage, layout), since in zip(one.keys, one.since, strict=True):
                    several = self._read.setdefault(storage, {}).setdefault(layout, [])
                    several.append(PortionChange(since, one.number, bool(next(bits))))
            for (storage, layout), (only, _) in self._last.items():
                once = PortionChange(only.number, only.number, differs=False)
                self._read.setdefault(storage, {}).setdefault(layout, [once])
        return self._read

    def fetch(
        self, wanted: Sequence[tuple[PortionKey, int]], seconds: float
    ) -> Mapping[tuple[PortionKey, int], bytes] | None:
        """Return the digests of portions at looks; None if those unknown here do not arrive within some seconds."""
        here = {(key, look): self._began[key] for key, look in wanted if look == 0}
        there = [one for one in wanted if one not in here]
        if not there:
            return here
        rows = {(key, look.number): (look, row) for look in self._looks for row, key in enumerate(look.keys)}
        with undisturbed(), torch.no_grad():
            sent = Sent.off(_rows_of([rows[one] for one in there]))
        if not sent.lands_within(seconds):
            return None
        data = sent.numbers().tobytes()
        return here | {one: data[16 * place : 16 * place + 16] for place, one in enumerate(there)}


def _rows_of(places: Sequence[tuple[DigestLook, int]]) -> torch.Tensor:
    """Return the digests at some rows of looks, without a copy if they are all of one look, in order."""
    first = places[0][0]
    is_all = len(places) == len(first.keys) and all(one is first and row == i for i, (one, row) in enumerate(places))
    return first.sums if is_all else torch.stack([one.sums[row] for one, row in places])
