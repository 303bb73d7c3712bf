"""Memory of the host that devices still copy to when a cell has ended: compared once they are done."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from ...core.runtime.record import field, mutable
from ..device.accelerator_api import ask, copies_later
from .compare_bytes import ByteVerdict, Fingerprints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ...core.records.reading import Reading
    from ..device.device_block import DeviceBlock
    from ..memory.byte_block import Block


class ExpectedCopy(NamedTuple):
    """A storage that a copy may still be under way to.

    Attributes
    ----------
    cell
        The count of the cell that asked for the copy.
    earlier
        What was found so far; None if the bytes are as before.
    """

    cell: int
    earlier: ByteVerdict | None

    def joined(self, later: ByteVerdict | None) -> ByteVerdict | None:
        """Return what both looks found; what is new has not changed when its first bytes arrive."""
        if self.earlier is None or later is None:
            return self.earlier or later
        return self.earlier if self.earlier.outcome == "new" else self.earlier._replace(after=later.after)


@mutable(eq=False)
class ArrivingCopies:
    """The storages that cells made, or wrote by their version counter, and that a device at work may still write.

    Attributes
    ----------
    expected
        By storage.
    late
        By cell: what arrived after its end, while a later one ran.
    """

    prints: Fingerprints
    expected: dict[int, ExpectedCopy] = field(default_factory=dict)
    late: dict[int, dict[int, ByteVerdict]] = field(default_factory=dict)

    def look(
        self,
        cell: int,
        written: set[int],
        blocks: Mapping[int, Block],
        verdicts: dict[int, ByteVerdict],
        busy: Iterable[DeviceBlock],
    ) -> None:
        """Take from a cell's verdicts what arrived for an earlier one, and mark what may still arrive as pending.

        Parameters
        ----------
        written
            The storages whose version counter moved.
        busy
            The storages that their devices have not told of yet.
        """
        self._take_late(written, verdicts)
        devices = {torch.device(name) for name in {one.device for one in busy}}
        self.expected = {one: known for one, known in self.expected.items() if one in blocks} if devices else {}
        new = {one for one, verdict in verdicts.items() if verdict.outcome == "new"}
        for storage in (written | new) & blocks.keys() if devices else ():
            earlier, owner = verdicts.get(storage), blocks[storage].owner and blocks[storage].hold()
            is_read = earlier is None or earlier.outcome in ("new", "changed")
            if owner is not None and is_read and ask(_may_arrive, owner, devices, default=False):
                self.expected[storage] = ExpectedCopy(cell, earlier)
        for storage in self.expected:
            if storage not in verdicts or verdicts[storage].outcome == "new":
                verdicts[storage] = ByteVerdict("pending", self.prints.marks.get(storage), None)

    def _take_late(self, written: set[int], verdicts: dict[int, ByteVerdict]) -> None:
        for storage in self.expected.keys() & verdicts.keys() - written:
            if verdicts[storage].outcome == "changed":
                known = self.expected[storage]
                joined = known.joined(verdicts.pop(storage))
                if joined is not None:
                    self.expected[storage] = ExpectedCopy(known.cell, joined)
                    self.late.setdefault(known.cell, {})[storage] = joined

    def settle(
        self, cell: int, blocks: Mapping[int, Block] | None, parts: Callable[[int], Iterable[Reading]]
    ) -> dict[int, ByteVerdict]:
        """Return what has arrived for a cell since its end.

        Parameters
        ----------
        blocks
            The blocks, to compare again what a device that is done has copied; None if other code has run since.
        """
        found = self.late.pop(cell, {})
        self.late = {one: several for one, several in self.late.items() if one >= cell}
        its = {one: known for one, known in self.expected.items() if known.cell == cell and one in (blocks or ())}
        compared = self.prints.compare_again({one: blocks[one] for one in its}, cell, parts) if blocks else {}
        for storage, known in its.items():
            del self.expected[storage]
            joined = known.joined(compared.get(storage))
            if joined is not None:
                found[storage] = joined
            else:
                found[storage] = ByteVerdict("same", None, self.prints.marks.get(storage))
        return found


def _may_arrive(owner: object, devices: Iterable[torch.device]) -> bool:
    return any(copies_later(one, owner) for one in devices)
