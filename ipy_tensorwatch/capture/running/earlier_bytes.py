"""The earlier bytes of small storages of devices: their digests come to the host when somebody asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...core.runtime.record import field, mutable
from ..compare.byte_history import Period
from ..compare.device_mark import DeviceMark
from ..device.accelerator_api import ask, is_idle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..compare.compare_bytes import StorageMark
    from ..device.device_block import DeviceBlock
    from ..device.digest_launch import Layout, PortionKey
    from ..device.look_log import LookLog, PortionChange

    PartChanges = Mapping[Layout | None, Sequence[PortionChange]]

DIGEST_WAIT = 0.005
"""The longest that an idle device is waited for, in seconds, for the digests of earlier bytes."""


class Earlier(NamedTuple):
    """A storage that changed, or that the cell made: the comparisons of its parts, and the looks that saw no change.

    Attributes
    ----------
    spans
        The first and the last of those looks, from change to change.
    """

    log: LookLog
    parts: PartChanges
    spans: Sequence[tuple[int, int]]

    def firsts(self, storage: int, span: tuple[int, int]) -> Iterator[tuple[PortionKey, int]]:
        """Yield the parts, each with the first look at it among some."""
        for layout, several in self.parts.items():
            looks = (several[0].since, *(one.number for one in several))
            yield from [((storage, layout), look) for look in looks if span[0] <= look <= span[1]][:1]


@mutable(eq=False)
class EarlierBytes:
    """What the looks of one cell that is over saw of the storages of devices."""

    blocks: Mapping[int, DeviceBlock]
    _unread: dict[int, Earlier] = field(default_factory=dict)
    _periods: dict[int, list[Period]] = field(default_factory=dict)
    _fetched: int = 0

    @classmethod
    def of(
        cls, logs: Iterable[LookLog], blocks: Mapping[int, DeviceBlock], known: Mapping[int, StorageMark]
    ) -> EarlierBytes:
        """Find what changed, or was made, on the devices that have told of it.

        Parameters
        ----------
        known
            The storages that were there when the cell began.
        """
        told = ((log, storage, parts) for log in logs for storage, parts in (log.changes() or {}).items())
        same: dict[int, list[Period]] = {}
        unread: dict[int, Earlier] = {}
        for log, storage, parts in told:
            if None in parts and (_has_changed(parts) or storage not in known):
                unread[storage] = Earlier(log, parts, [*_spans(parts[None])])
            elif None in parts:
                same[storage] = [Period(0, parts[None][-1].number, known[storage])]
        return cls(blocks, unread, same)

    def periods(self, storage: int) -> list[Period]:
        """Return the bytes that a storage was seen to hold, in order; empty if that is not known."""
        if storage in self._unread:
            unknown: dict[int, list[Period]] = {}
            found = ask(self._read, self._take(storage), default=unknown)
            self._periods.update(found)
            self._unread = self._unread if found else {}
        return self._periods.get(storage, [])

    def _take(self, storage: int) -> dict[int, Earlier]:
        """Take a storage and as many others, made next to it, as were read so far: few copies of little else."""
        nearest = sorted(self._unread, key=lambda one: abs(one - storage))
        some = {one: self._unread.pop(one) for one in nearest[: 1 + self._fetched]}
        self._fetched += len(some)
        return some

    def _read(self, some: Mapping[int, Earlier]) -> dict[int, list[Period]]:
        """Fetch the digests of storages as they were after each change; none if they do not arrive."""
        found: dict[int, list[Period]] = {}
        for log in dict.fromkeys(one.log for one in some.values()):
            its = [(storage, one, span) for storage, one in some.items() if one.log is log for span in one.spans]
            wanted = [place for storage, one, span in its for place in one.firsts(storage, span)]
            digests = log.fetch(wanted, DIGEST_WAIT if is_idle(log.launcher.device) else 0.0)
            if digests is not None:
                for storage, one, span in its:
                    found.setdefault(storage, []).append(self._spell(storage, one, span, digests))
        return found

    def _spell(
        self, storage: int, seen: Earlier, span: tuple[int, int], digests: Mapping[tuple[PortionKey, int], bytes]
    ) -> Period:
        its = {key: digests[key, look] for key, look in seen.firsts(storage, span)}
        whole = its.pop((storage, None))
        parts = {layout: digest for (_, layout), digest in its.items() if layout is not None}
        return Period(*span, DeviceMark(self.blocks[storage], whole, None, parts))


def _has_changed(parts: PartChanges) -> bool:
    """Return whether a storage changed between two looks, or the cell made a part of it."""
    return any(several[0].since for several in parts.values()) or any(one.differs for one in parts[None])


def _spans(several: Sequence[PortionChange]) -> Iterator[tuple[int, int]]:
    """Yield the first and last look of each run of looks that saw no change."""
    first = several[0].since
    for one in several:
        if one.differs:
            yield first, one.since
            first = one.number
    yield first, several[-1].number
