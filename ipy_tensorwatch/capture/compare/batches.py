"""Batches of storages that are read together, kept between looks while their blocks stay the same."""

from __future__ import annotations

import operator
from itertools import chain
from typing import TYPE_CHECKING

from ...core.runtime.record import field, mutable
from ..memory.byte_block import SMALL, Block, batches

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping


FEW = 64
"""Batches with fewer storages are merged with others when there are new storages."""


@mutable(eq=False)
class Batch:
    """Some storages, all small or all large, and their blocks.

    Attributes
    ----------
    spans
        The blocks of small storages as spans of the system call; empty for large ones.
    digest
        The digest of all bytes together when each storage last matched its mark; None if not known.
    """

    storages: list[int]
    blocks: list[Block]
    spans: bytes
    nbytes: int
    digest: bytes | None = None

    def is_in(self, blocks: Mapping[int, Block]) -> bool:
        """Return whether the storages still have these same blocks."""
        return all(map(operator.is_, self.blocks, map(blocks.get, self.storages)))


def batches_of(storages: Iterable[int], blocks: Mapping[int, Block]) -> list[Batch]:
    """Group storages into batches, in order, small ones apart from large ones."""
    found: list[Batch] = []
    for storages_together in batches(storages, blocks):
        small = [one for one in storages_together if blocks[one].nbytes <= SMALL]
        few = len(small) < len(storages_together)
        larger = [one for one in storages_together if blocks[one].nbytes > SMALL] if few else []
        for part in filter(None, (small, larger)):
            held = [blocks[one] for one in part]
            spans = b"".join([block.span for block in held]) if part is small else b""
            found.append(Batch(part, held, spans, sum([block.nbytes for block in held])))
    return found


@mutable(eq=False)
class Batches:
    """The batches of all watched storages.

    Attributes
    ----------
    blocks
        The blocks they were made of.
    nbytes
        Their total number of bytes.
    """

    blocks: Mapping[int, Block] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)
    nbytes: int = 0

    def forget_digests_of(self, storages: Container[int]) -> None:
        """Forget the digests of the batches that hold some storages, whose marks change."""
        for one in self.batches:
            if any(map(storages.__contains__, one.storages)):
                one.digest = None

    def follow(self, blocks: Mapping[int, Block]) -> list[Batch]:
        """Return the batches of these blocks; unchanged batches are kept."""
        if blocks is not self.blocks:
            kept = [
                one for one in self.batches if one.is_in(blocks) and (one.nbytes > SMALL or len(one.storages) >= FEW)
            ]
            known = {*chain.from_iterable(one.storages for one in kept)}
            self.batches = kept + batches_of([one for one in blocks if one not in known] if known else blocks, blocks)
            self.blocks, self.nbytes = blocks, sum(one.nbytes for one in self.batches)
        return self.batches
