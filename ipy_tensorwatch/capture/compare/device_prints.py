"""Remember the digests of storages on devices, and find the storages that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...core.runtime.record import field, mutable
from ..device.accelerator_api import ask, has_scratch, is_capturing, is_idle
from ..device.digest_launch import MAX_BYTES, DigestLauncher, Flight
from ..device.kept_copy import KeptCopy, room_for_copies, without_others
from ..device.known_streams import KnownStreams
from ..device.left_errors import has_left_error
from ..objects.inspect_object import attributes
from .compare_bytes import ByteOutcome, BytePart, ByteVerdict, Fingerprints, StorageMark
from .device_mark import DeviceMark, portions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import torch

    from ...core.records.reading import Reading
    from ..device.device_block import DeviceBlock
    from .time_budget import TimeBudget

    Parts = Callable[[int], Iterable[Reading]]

IDLE_WAIT = 0.005
"""The longest that an idle device is waited for, in seconds: our own digests are all that it does."""

DEVICE_BANDWIDTH = 100e9
"""Bytes per second that a device surely digests; used to estimate what the time budget suffices for."""
MAX_HELD = 64
"""Streams are searched for in containers of up to so many objects."""
_PLAIN = frozenset((list, tuple, dict))
MAX_UNDER_WAY = 16
"""While so many looks wait for their digests, none is launched: what a cell writes then is found later."""


class Departure(NamedTuple):
    """The digests launched at one look on one device, with the blocks that they are of.

    Attributes
    ----------
    turn
        How often the streams in use had changed by then.
    """

    cell: int
    blocks: Mapping[int, DeviceBlock]
    flight: Flight
    turn: int = 0


@mutable(eq=False)
class DevicePrints:
    """Compares the storages on devices with their marks, which it keeps beside those of the CPU.

    Attributes
    ----------
    is_short
        Whether a device had no memory for copies at the last look.
    """

    prints: Fingerprints
    is_short: bool = False
    streams: KnownStreams = field(default_factory=KnownStreams)
    _launchers: dict[str, DigestLauncher] = field(default_factory=dict)
    _under_way: list[Departure] = field(default_factory=list)
    _landed: dict[int, dict[int, ByteVerdict]] = field(default_factory=dict)

    def compare(
        self,
        blocks: Mapping[int, DeviceBlock],
        cell: int,
        parts: Parts,
        budget: TimeBudget,
        things: Iterable[object] = (),
    ) -> dict[int, ByteVerdict]:
        """Launch the digests of all storages; return what those that arrive at once show.

        Parameters
        ----------
        parts
            Returns the readings of a storage.
        things
            The user's objects. While a stream that they hold works, its device is not looked at: the stream in use is
            ahead of it, and would show bytes that are half written.
        """
        self.is_short = False
        by_device: dict[str, dict[int, DeviceBlock]] = {}
        for storage, block in blocks.items():
            by_device.setdefault(block.device, {})[storage] = block
        left_out: dict[int, ByteOutcome] = {}
        held = [*things_held(things)] if by_device else []
        for device, some in by_device.items():
            if not self.streams.are_ordered(self.launcher(device).device, held):
                left_out.update(dict.fromkeys(some, "pending"))
                continue
            afforded = self._afforded(some, budget)
            left_out.update(dict.fromkeys(some, "skipped"))
            left_out.update(self._launch(device, afforded, parts, cell))
        verdicts = self.settle(cell)
        self._landed = {one: known for one, known in self._landed.items() if one >= cell - MAX_UNDER_WAY}
        verdicts.update((one, self._skip(one, cell, left_out[one])) for one in left_out.keys() - verdicts.keys())
        return {storage: one for storage, one in verdicts.items() if one.outcome != "same"}

    def _afforded(self, blocks: Mapping[int, DeviceBlock], budget: TimeBudget) -> dict[int, DeviceBlock]:
        """Return the blocks that the budget suffices for, those first that were left out longest."""
        turns = {storage: turn for turn, storage in enumerate(self.prints.waiting)}
        found: dict[int, DeviceBlock] = {}
        for storage in sorted(blocks, key=lambda one: turns.get(one, len(turns))):
            seconds = blocks[storage].nbytes / DEVICE_BANDWIDTH
            if found and budget.credit < seconds:
                break
            budget.pay(seconds)
            found[storage] = blocks[storage]
        return found

    def launcher(self, device: str) -> DigestLauncher:
        """Return what launches digests on a device: its tables are sent there once."""
        return self._launchers.get(device) or self._launchers.setdefault(device, DigestLauncher.on(device))

    def settled(self) -> dict[int, StorageMark]:
        """Return the marks of the storages whose last digests have arrived."""
        return {one: mark for one, mark in self.prints.on_devices.items() if one not in self.prints.waiting}

    def is_waiting_for(self, cell: int) -> bool:
        """Return whether digests of a cell are still to come, or were not asked for yet."""
        return cell in self._landed or any(one.cell == cell for one in self._under_way)

    def settle(self, cell: int) -> dict[int, ByteVerdict]:
        """Return what the digests of a cell that have arrived meanwhile show, of each storage."""
        under_way, self._under_way = self._under_way, []
        for one in under_way:
            has_landed = ask(one.flight.sums.has_landed, default=None)
            if has_landed is False:
                self._under_way.append(one)
                continue
            landed = self._landed.setdefault(one.cell, {})
            for storage, verdict in self._told(one) if has_landed else self._lose(one):
                landed[storage] = _join(landed.get(storage), verdict)
        return self._landed.pop(cell, {})

    def _launch(
        self, device: str, blocks: Mapping[int, DeviceBlock], parts: Parts, cell: int
    ) -> dict[int, ByteOutcome]:
        """Launch the digests of one device; return for each storage why it has none yet."""
        launcher = self.launcher(device)
        try:
            hindrance = self._hindrance(launcher.device)
            there = () if hindrance else self._depart(launcher, blocks, parts, cell)
        except RuntimeError:  # the device is out of memory, or was lost, or the user's own kernel failed
            self._give_up_copies(device)
            hindrance, there = "failed", ()
        return dict.fromkeys(blocks, hindrance or "moved") | dict.fromkeys(there, "pending")

    def _hindrance(self, device: torch.device) -> ByteOutcome | None:
        """Return why nothing may be launched on a device; None if something may."""
        if has_left_error(device):
            return "failed"
        if is_capturing(device):
            return "captured"
        if not has_scratch(device):
            self._give_up_copies(str(device))
            return "failed"
        return "pending" if len(self._under_way) > MAX_UNDER_WAY else None

    def _depart(
        self, launcher: DigestLauncher, blocks: Mapping[int, DeviceBlock], parts: Parts, cell: int
    ) -> Iterable[int]:
        """Launch digests, awaited for a moment if the device does nothing else; return the storages they are of."""
        held = {one: block.hold() for one, block in blocks.items() if block.nbytes <= MAX_BYTES}
        there = {one: blocks[one] for one, owner in held.items() if owner is not None}
        if not there:
            return there
        was_idle, room = is_idle(launcher.device), room_for_copies(launcher.device)
        if not room:
            self._give_up_copies(str(launcher.device))
        portions = [one for key, block in there.items() for one in portions_of(key, held[key], block, parts(key))]
        flight = launcher.launch(portions, room)
        self._under_way.append(Departure(cell, there, flight, self.streams.turns[launcher.device]))
        if was_idle:
            ask(flight.sums.lands_within, IDLE_WAIT, default=False)
        return there

    def _told(self, seen: Departure) -> Iterator[tuple[int, ByteVerdict]]:
        """Judge digests that have arrived, unless another stream was used meanwhile: it may have been ahead of them."""
        if self.streams.turns[seen.flight.sums.device] == seen.turn:
            yield from self._judge(seen)
        else:
            for storage in seen.blocks:
                yield storage, self._skip(storage, seen.cell, "pending")

    def _judge(self, seen: Departure) -> Iterator[tuple[int, ByteVerdict]]:
        digests = seen.flight.digests()
        known: dict[int, dict[BytePart, bytes]] = {storage: {} for storage in seen.blocks}
        for (storage, layout), digest in digests.items():
            if layout is not None:
                known[storage][layout] = digest
        copied: dict[int, KeptCopy] = {}
        for storage, block in seen.blocks.items():
            before, since = self.prints.on_devices.get(storage), self.prints.waiting.pop(storage, None)
            after = DeviceMark.after(before, block, digests[storage, None], known[storage])
            self.prints.on_devices[storage] = after
            outcome: ByteOutcome = "new" if before is None else "same" if _are_same(before, after) else "changed"
            if after.kept is None and storage in seen.flight.copies:
                copied[storage] = after.kept = seen.flight.copies[storage]
            is_late = since is not None and since < seen.cell - 1
            yield storage, ByteVerdict(outcome, before, after, since if is_late else None)
        ask(self._let_go_of_others, copied, default=None)

    def _lose(self, seen: Departure) -> Iterator[tuple[int, ByteVerdict]]:
        """Yield that a device was lost before its digests were sent: what the cell wrote there is not known."""
        for device in {block.device for block in seen.blocks.values()}:
            self._give_up_copies(device)
        for storage in seen.blocks:
            yield storage, self._skip(storage, seen.cell, "failed")

    def _let_go_of_others(self, copied: Mapping[int, KeptCopy]) -> None:
        """Keep the copies of what changed without those of all that was looked at with it."""
        for storage, copy in without_others(copied):
            mark = self.prints.on_devices[storage]
            if isinstance(mark, DeviceMark):
                mark.kept = copy

    def _give_up_copies(self, device: str) -> None:
        """Release the copies that are kept on a device, which has no memory for them."""
        self.is_short = True
        for one in self.prints.on_devices.values():
            if isinstance(one, DeviceMark) and one.block.device == device:  # type: ignore[attr-defined]
                one.kept = None

    def _skip(self, storage: int, cell: int, outcome: ByteOutcome) -> ByteVerdict:
        since = self.prints.waiting.setdefault(storage, cell - 1)
        return ByteVerdict(outcome, self.prints.on_devices.get(storage), None, since)


def things_held(things: Iterable[object]) -> Iterator[object]:
    """Yield objects and what they themselves hold, as a loader its stream."""
    for one in things:
        yield one
        yield from attributes(one).values()
        if isinstance(one, list | tuple | dict) and type(one) in _PLAIN and len(one) <= MAX_HELD:
            yield from one.values() if isinstance(one, dict) else one


def _are_same(before: StorageMark, after: StorageMark) -> bool:
    return before.block == after.block and before.digest == after.digest


def _join(earlier: ByteVerdict | None, later: ByteVerdict) -> ByteVerdict:
    """Combine the verdicts of two looks of one cell."""
    if earlier is None:
        return later
    outcome = later.outcome if earlier.outcome == "same" else earlier.outcome
    return ByteVerdict(outcome, earlier.before, later.after, earlier.since)
