"""Group access paths by the block of memory in which they lie."""

from __future__ import annotations

from itertools import combinations, islice
from typing import TYPE_CHECKING

from .overlap import relate
from .records import AliasGroup, Pair

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .path import AccessPath
    from .reading import Reading

    Entry = tuple[AccessPath, Reading]

MAX_PAIRS = 300


def group(entries: Iterable[Entry], *, max_pairs: int = MAX_PAIRS) -> tuple[AliasGroup, ...]:
    """Group paths that lie in one block; a path that is alone in its block makes no group.

    Two paths lie in one block when their storages are one, when the bytes between their first and last element
    overlap, or when both names lead to one object whose memory cannot be told.
    """
    return tuple(_alias_group(members, max_pairs) for members in blocks(entries) if len(members) > 1)


def blocks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Split entries into blocks by a sweep over their address intervals."""
    told: dict[tuple[str, int], list[Entry]] = {}
    untold: dict[int, list[Entry]] = {}
    for entry in entries:
        reading = entry[1]
        if reading.unknown or not reading.data_ptr:
            untold.setdefault(reading.object, []).append(entry)
        else:
            told.setdefault((reading.device, reading.storage), []).append(entry)
    yield from _sweep(told)
    yield from untold.values()


def _sweep(storages: dict[tuple[str, int], list[Entry]]) -> Iterator[list[Entry]]:
    spans = sorted(
        (
            device,
            min(reading.address for _, reading in members),
            max(reading.end for _, reading in members),
            storage,
        )
        for (device, storage), members in storages.items()
    )
    block: list[Entry] = []
    current, end = "", -1
    for device, low, high, storage in spans:
        if block and (device != current or low >= end):
            yield block
            block = []
        end = max(end, high) if block else high
        current = device
        block.extend(storages[device, storage])
    if block:
        yield block


def _alias_group(members: list[Entry], max_pairs: int) -> AliasGroup:
    count = len(members) * (len(members) - 1) // 2
    pairs = tuple(
        Pair(a=str(path_a), b=str(path_b), relation=relate(a, b))
        for (path_a, a), (path_b, b) in islice(combinations(members, 2), max_pairs)
    )
    readings = [reading for _, reading in members]
    low = min(reading.address for reading in readings)
    return AliasGroup(
        id=min(reading.storage for reading in readings),
        device=readings[0].device,
        nbytes=max(reading.end for reading in readings) - low,
        members=tuple(str(path) for path, _ in members),
        pairs=pairs,
        pairs_left_out=count - len(pairs),
    )
