"""Group access paths by their block of memory."""

from __future__ import annotations

from itertools import combinations, islice
from typing import TYPE_CHECKING

from ..records.reading import Reading, bounds
from ..records.report_parts import AliasGroup, Pair
from ..runtime.record import field, record
from .address_space import space_of
from .overlap import relate

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from ..records.snapshots.snapshot import Entry

    Home = tuple[str, int]
    AddressSpan = tuple[str, int, int, int, str]

MAX_PAIRS = 300
UNTOLD = ""
"""The device of unknown memory: such a tensor shares memory only with other names of itself."""


def group(entries: Iterable[Entry]) -> tuple[AliasGroup, ...]:
    """Group paths that share a block; a path alone in its block forms no group.

    Two paths share a block if they have the same storage, if the address ranges of their elements
    overlap, or if both lead to the same object whose memory is not known.
    """
    return Grouping().update(entries).groups


def blocks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Iterate over the blocks that hold more than one path."""
    homes = _by_home(entries)
    for block in _blocks(_spans(homes), homes):
        yield [entry for home in block for entry in homes[home]]


def home_of(reading: Reading) -> Home:
    """Return the home of a tensor: its storage and device, or its object if its memory is not known."""
    if reading.unknown or not reading.data_ptr:
        return UNTOLD, reading.object
    return reading.device, reading.storage


@record(eq=False)
class Grouping:
    """The alias groups of one snapshot, updated incrementally for the next one."""

    homes: Mapping[Home, Sequence[Entry]] = field(default_factory=dict)
    spans: Sequence[AddressSpan] = ()
    blocks: Mapping[tuple[Home, ...], AliasGroup] = field(default_factory=dict)

    @property
    def groups(self) -> tuple[AliasGroup, ...]:
        """The groups, oldest storage first, so that their order is stable across cells."""
        return tuple(sorted(self.blocks.values(), key=lambda one: one.id))

    def update(self, entries: Iterable[Entry], moved: Collection[Home] | None = None) -> Grouping:
        """Regroup the entries of these homes; by default all.

        Parameters
        ----------
        entries
            All entries of the new snapshot.
        moved
            The homes, old and new, of every entry that was added, removed, or laid out differently.
        """
        fresh = _by_home(entries if moved is None else (one for one in entries if home_of(one[1]) in moved))
        gone = self.homes.keys() if moved is None else moved
        homes = {home: members for home, members in self.homes.items() if home not in gone} | fresh
        spans = sorted([span for span in self.spans if (span[4], span[3]) not in gone] + _spans(fresh))
        found: dict[tuple[Home, ...], AliasGroup] = {}
        for block in _blocks(spans, homes):
            kept = self.blocks.get(block) if fresh.keys().isdisjoint(block) else None
            found[block] = kept or _alias_group([entry for home in block for entry in homes[home]])
        return Grouping(homes=homes, spans=spans, blocks=found)


def _by_home(entries: Iterable[Entry]) -> dict[Home, list[Entry]]:
    homes: dict[Home, list[Entry]] = {}
    for entry in entries:
        homes.setdefault(home_of(entry[1]), []).append(entry)
    return homes


def _spans(homes: Mapping[Home, Sequence[Entry]]) -> list[AddressSpan]:
    """Return the address ranges that the homes' tensors cover."""
    return sorted(
        (space_of(members[0][1]), *bounds([one for _, one in members]), home[1], home[0])
        for home, members in homes.items()
        if home[0] != UNTOLD
    )


def _blocks(spans: Iterable[AddressSpan], homes: Mapping[Home, Sequence[Entry]]) -> Iterator[tuple[Home, ...]]:
    """Sweep over the ranges and yield the homes of each block with more than one path."""
    block: list[Home] = []
    current, end = "", -1
    for space, low, high, storage, device in spans:
        if block and (space != current or low >= end):
            if len(block) > 1 or len(homes[block[0]]) > 1:
                yield tuple(block)
            block, end = [], high
        current, end = space, max(end, high)
        block.append((device, storage))
    if block and (len(block) > 1 or len(homes[block[0]]) > 1):
        yield tuple(block)
    yield from sorted((home,) for home, members in homes.items() if home[0] == UNTOLD and len(members) > 1)


def _alias_group(members: Sequence[Entry]) -> AliasGroup:
    count = len(members) * (len(members) - 1) // 2
    pairs = tuple(
        Pair(a=str(path_a), b=str(path_b), relation=relate(a, b))
        for (path_a, a), (path_b, b) in islice(combinations(members, 2), MAX_PAIRS)
    )
    readings = [reading for _, reading in members]
    low, high = bounds(readings)
    return AliasGroup(
        id=min(reading.storage for reading in readings),
        device=", ".join(sorted({one.device for one in readings})),
        nbytes=high - low,
        members=tuple(str(path) for path, _ in members),
        pairs=pairs,
        pairs_left_out=count - len(pairs),
    )
