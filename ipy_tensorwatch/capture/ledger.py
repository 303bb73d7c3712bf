"""Look at the watched bytes between a cell's statements, and write down which statement changed which."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xxhash

from ..core.evidence import Write

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable, Mapping

    from .fingerprint import Mark, Verdict

SMALL = 1 << 16
HOT_ENTRIES = 400
HOT_INTERVAL = 20e-6
"""A statement entered more often than this is in a hot loop, whose probe must cost next to nothing."""
MAX_WATCHED = 4096


@dataclass(slots=True)
class _Watched:
    """One storage under watch: its mark at the last look, and the epoch of that look."""

    reference: weakref.ref[Any]
    mark: Mark
    digest: bytes
    copy: bytes | None
    epoch: int = 0


@dataclass(slots=True)
class Ledger:
    """The writes of one cell, statement by statement, within a share of its run time.

    Attributes
    ----------
    probes
        What the instrumented cell calls before statement `k`: `probes.p<k>()`.
    sample
        Called with a statement's index when it is entered.
    largest
        The size of the largest storage that is looked at.
    """

    marks: Mapping[int, Mark]
    references: Callable[[], Mapping[int, weakref.ref[Any]]]
    share: float
    floor: float
    sample: Callable[[int], None]
    largest: int = SMALL
    probes: SimpleNamespace = field(default_factory=SimpleNamespace)
    current: int | None = None
    writes: list[Write] = field(default_factory=list)
    ran: set[int] = field(default_factory=set)
    spent: float = 0.0
    _epochs: list[set[int]] = field(default_factory=lambda: [set()])
    _watched: dict[int, _Watched] | None = None
    _entered: dict[int, tuple[int, float]] = field(default_factory=dict)
    _hot: list[int] = field(default_factory=list)
    _began: float = 0.0

    def begin(self, count: int) -> None:
        """Start the clock for a cell of `count` statements."""
        vars(self.probes).update({f"p{index}": partial(self._enter, index) for index in range(count)})
        self._began = time.perf_counter()

    def finish(self, verdicts: Mapping[int, Verdict]) -> None:
        """Write down what the final comparison found beyond what the looks between statements had."""
        self._close_epoch()
        for storage, verdict in verdicts.items():
            watched = (self._watched or {}).get(storage)
            if verdict.outcome == "changed" and verdict.before and verdict.after:
                epoch = watched.epoch if watched else 0
                old_digest = watched.digest if watched else verdict.before.digest
                old_copy = watched.copy if watched else verdict.before.copy
                if old_digest != verdict.after.digest:
                    self._write(storage, epoch, old_copy, verdict.after.copy, verdict.after.block.low)

    def forget(self) -> None:
        """Let go of the copies of bytes."""
        self._watched = None

    def _enter(self, index: int) -> None:
        """Enter a statement: what changed since the last look was written by those that ran since then."""
        try:
            now = time.perf_counter()
            if self.current is not None:
                self._epochs[-1].add(self.current)
                if self.spent < self.floor + self.share * (now - self._began):
                    self._look(now)
            self.current = index
            self.ran.add(index)
            self.sample(index)
            self._cool_down(index, now)
        except Exception:  # noqa: BLE001  (a probe must never break the user's statement)
            vars(self.probes).update(dict.fromkeys(vars(self.probes), _do_nothing))

    def _cool_down(self, index: int, now: float) -> None:
        count, first = self._entered.get(index, (0, now))
        self._entered[index] = (count + 1, first)
        if count == HOT_ENTRIES and now - first < HOT_ENTRIES * HOT_INTERVAL:
            self._hot.append(index)
            setattr(self.probes, f"p{index}", partial(self._epochs[-1].add, index))

    def _open_epoch(self) -> None:
        """Begin a new set of statements; the probes of hot statements do nothing but add to it."""
        self._epochs.append(set())
        for index in self._hot:
            setattr(self.probes, f"p{index}", partial(self._epochs[-1].add, index))

    def _look(self, now: float) -> None:
        if self._watched is None:
            self._watched = self._start_watching()
        self._open_epoch()
        for storage, one in list(self._watched.items()):
            self._look_at(storage, one)
        self.spent += time.perf_counter() - now

    def _look_at(self, storage: int, one: _Watched) -> None:
        epoch = len(self._epochs) - 1
        block = one.mark.block
        owner = one.reference()
        if owner is None or (isinstance(owner, torch.UntypedStorage) and owner.data_ptr() != block.start):
            del self._watched[storage]  # type: ignore[union-attr]
            self._write(storage, one.epoch, None, None, block.low)  # `x.data = y` leaves it; a rebinding does too
            return
        digest = xxhash.xxh3_128_digest(block.window) if block.window is not None else block.digest()
        if digest is not None and digest != one.digest:
            copy = block.copy() if one.copy is not None else None
            self._write(storage, one.epoch, one.copy, copy, block.low)
            one.digest, one.copy = digest, copy
        one.epoch = epoch

    def _write(self, storage: int, epoch: int, old: bytes | None, new: bytes | None, low: int) -> None:
        mask = None
        if old is not None and new is not None and len(old) == len(new):
            mask = np.frombuffer(old, np.uint8) != np.frombuffer(new, np.uint8)
        statements = frozenset().union(*self._epochs[epoch:])
        self.writes.append(Write(storage=storage, statements=statements, mask=mask, low=low))

    def _start_watching(self) -> dict[int, _Watched]:
        references = self.references()
        small = [
            (storage, mark)
            for storage, mark in self.marks.items()
            if mark.block.nbytes <= self.largest and storage in references
        ]
        return {
            storage: _Watched(references[storage], mark, mark.digest, mark.copy)
            for storage, mark in small[:MAX_WATCHED]
        }

    def _close_epoch(self) -> None:
        if self.current is not None:
            self._epochs[-1].add(self.current)


def _do_nothing() -> None:
    """Stand in for every probe once one of them has failed."""
