"""What is remembered of a storage on a device: digests on the host, and a copy on the device if it is small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core.memory.footprint import footprint_of
from ...core.memory.strided_layout import are_nested
from ..device.device_counts import CopyPair
from ..device.digest_launch import Portion
from .compare_bytes import NO_PARTS, BytePart, StorageMark, is_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ...core.memory.strided_layout import Levels
    from ...core.records.reading import Reading
    from ..device.device_block import DeviceBlock
    from ..device.kept_copy import KeptCopy


class DeviceMark(StorageMark):
    """The mark of a storage on a device; its copy, if there is one, is in the memory of that device.

    Attributes
    ----------
    kept
        That copy, of the whole storage.
    lately
        The digests of parts that the last look computed; `parts` has those of the look before as well, if the bytes are
        the same: a tensor that has other memory now is compared with them.
    """

    kept: KeptCopy | None = None
    lately: Mapping[BytePart, bytes] = NO_PARTS

    @classmethod
    def after(
        cls, before: StorageMark | None, block: DeviceBlock, digest: bytes, parts: Mapping[BytePart, bytes]
    ) -> DeviceMark:
        """Make the mark of a look; what was known of the same bytes before holds for it too."""
        is_same = before is not None and (before.block, before.digest) == (block, digest)
        known = before if is_same and isinstance(before, DeviceMark) else None
        mark = cls(block, digest, None, {**known.lately, **parts} if known else parts)
        mark.kept, mark.lately = known.kept if known else None, parts
        return mark


def pair_of(before: Reading, after: Reading, old: StorageMark, new: StorageMark) -> CopyPair | None:
    """Return the elements of a path in the copies that two marks have on a device; None without them."""
    if not isinstance(old, DeviceMark) or not isinstance(new, DeviceMark) or before.shape != after.shape:
        return None
    if old.kept is None or new.kept is None:
        return None
    low, high = (reading.data_ptr - mark.block.start for reading, mark in ((before, old), (after, new)))
    return CopyPair(before, after, old.kept, new.kept, low, high)


def portions_of(storage: int, owner: Any, block: DeviceBlock, readings: Iterable[Reading]) -> Iterator[Portion]:  # noqa: ANN401
    """Yield a whole storage, and the parts of it that tensors cover."""
    yield Portion((storage, None), owner, block.low, [(1, block.nbytes)])
    for reading in {one.layout: one for one in readings if one.nbytes and not is_whole(one, block)}.values():
        if (levels := digested_levels(reading)) is not None:
            yield Portion((storage, reading.layout), owner, reading.low, levels)


def digested_levels(reading: Reading) -> Levels | None:
    """Return the levels of a reading's elements; None if its stripes cross each other, so that it has no digest."""
    footprint = footprint_of(reading)
    return footprint.levels if footprint is not None and are_nested(footprint.levels) else None
