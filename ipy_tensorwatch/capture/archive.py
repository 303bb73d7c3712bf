"""Keep the bytes from before each cell, within a number of bytes, so that they can be put back."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from ..core.path import AccessPath
    from ..core.reading import Reading
    from ..core.snapshot import Snapshot
    from .fingerprint import Budget, Mark, Verdict
    from .memory import Block
    from .observer import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The bytes of one storage as they were before some cells.

    Attributes
    ----------
    first, last
        The cells between which the bytes were not looked at; mostly one.
    readings
        The paths that led to the storage then.
    """

    storage: int
    first: int
    last: int
    mark: Mark
    readings: tuple[tuple[AccessPath, Reading], ...]


@dataclass(slots=True)
class Archive:
    """Copies of bytes: half of `limit` for those that were, the oldest dropped first, half for large ones as they are.

    Small storages are copied anyway, to count what changes in them. A large one is copied while it is as it is, or its
    bytes would be gone once a cell has written to it.

    Attributes
    ----------
    lost
        By storage, the last cell before which its bytes are not known: they were not there, never copied, or dropped.
    """

    limit: int = 0
    kept: deque[Kept] = field(default_factory=deque)
    copies: dict[int, Mark] = field(default_factory=dict)
    nbytes: int = 0
    lost: dict[int, int] = field(default_factory=dict)

    def add(self, observed: Observation, before: Snapshot, cell: int) -> None:
        """Keep what a cell has overwritten; drop what no variable leads to any more."""
        for storage, verdict in observed.verdicts.items():
            if verdict.outcome != "skipped":
                self._keep(storage, verdict, before, cell)
        if self.kept or self.lost:
            self._forget_all_but(observed.shot.blocks)
        while self.nbytes > self.limit // 2:
            self._drop(self.kept.popleft())

    def lose(self, observed: Observation, cell: int) -> None:
        """Note what is new, or has changed while nobody looked after each cell."""
        self.lost.update((one, cell) for one, verdict in observed.verdicts.items() if verdict.outcome != "skipped")

    def prepare(self, blocks: Mapping[int, Block], marks: Mapping[int, Mark], budget: Budget) -> None:
        """Copy large storages as they are, as far as time and room allow."""
        self.copies = {one: mark for one, mark in self.copies.items() if one in marks and _is_of(mark, marks[one])}
        room = self.limit // 2 - sum(mark.block.nbytes for mark in self.copies.values())
        began = time.thread_time()
        for storage, mark in marks.items():
            nbytes, wanted = mark.block.nbytes, mark.copy is None and storage not in self.copies and storage in blocks
            if wanted and nbytes <= room and budget.affords(nbytes):
                copy = blocks[storage].copy()
                if copy is not None:
                    self.copies[storage] = replace(mark, copy=copy)
                    room -= nbytes
                budget.pay(-began + (began := time.thread_time()))

    def find(self, storage: int, cell: int) -> Kept | None:
        """Find the bytes of a storage from before a cell: those that the first write since then has replaced."""
        if self.lost.get(storage, 0) >= cell:
            return None
        return next((one for one in self.kept if one.storage == storage and one.last >= cell), None)

    def _keep(self, storage: int, verdict: Verdict, before: Snapshot, cell: int) -> None:
        mark = verdict.before
        if mark is not None and mark.copy is None:
            copy = self.copies.get(storage)
            mark = copy if copy is not None and _is_of(copy, mark) else None
        if mark is None or verdict.outcome == "unreadable":
            self.lost[storage] = cell
            return
        if verdict.outcome == "new":
            return  # the same bytes, of which more are watched
        first = cell if verdict.since is None else verdict.since + 1
        readings = before.by_storage.get(storage, ())
        self.kept.append(Kept(storage=storage, first=first, last=cell, mark=mark, readings=readings))
        self.nbytes += mark.block.nbytes

    def _drop(self, one: Kept) -> None:
        self.nbytes -= one.mark.block.nbytes
        self.lost[one.storage] = one.last

    def _forget_all_but(self, storages: Container[int]) -> None:
        self.kept = deque(one for one in self.kept if one.storage in storages)
        self.nbytes = sum(one.mark.block.nbytes for one in self.kept)
        self.lost = {one: cell for one, cell in self.lost.items() if one in storages}


def _is_of(copy: Mark, mark: Mark) -> bool:
    return copy.digest == mark.digest and copy.block == mark.block
