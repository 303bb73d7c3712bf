"""Look at the watched bytes between a cell's statements, and write down which statement changed which."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ..core.evidence import Move, Write
from .watch import Watch

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable, Iterable, Mapping

    from .fingerprint import Mark
    from .lens import Shot
    from .observer import Observation
    from .watch import Moved, Rewritten

SMALL = 1 << 16
HOT_ENTRIES = 400
HOT_INTERVAL = 20e-6
"""A statement entered more often than this is in a hot loop, whose probe must cost next to nothing."""


@dataclass(slots=True)
class Ledger:
    """The writes of one cell, statement by statement, within a share of its run time.

    Attributes
    ----------
    probes
        What the instrumented cell calls before statement `k`: `probes.p<k>()`.
    sample
        Called with a statement's index when it is entered.
    before, peek
        The snapshot that the cell began with, and how to take another while it runs.
    largest
        The size of the largest storage that is looked at.
    follows
        Whether the cell may give a tensor other memory, so that each look is to tell where the tensors lie.
    """

    marks: Mapping[int, Mark]
    before: Shot
    references: Callable[[], Mapping[int, weakref.ref[Any]]]
    peek: Callable[[], Shot]
    share: float
    floor: float
    sample: Callable[[int], None]
    largest: int = SMALL
    follows: bool = False
    probes: SimpleNamespace = field(default_factory=SimpleNamespace)
    current: int | None = None
    writes: list[Write] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    ran: set[int] = field(default_factory=set)
    spent: float = 0.0
    _epochs: list[set[int]] = field(default_factory=lambda: [set()])
    _watch: Watch | None = None
    _entered: dict[int, tuple[int, float]] = field(default_factory=dict)
    _hot: list[int] = field(default_factory=list)
    _began: float = 0.0

    def begin(self, count: int) -> None:
        """Start the clock for a cell of `count` statements."""
        vars(self.probes).update({f"p{index}": partial(self._enter, index) for index in range(count)})
        self._began = time.perf_counter()

    def finish(self, observed: Observation) -> None:
        """Write down what the final comparison found beyond what the looks between statements had."""
        self._close_epoch()
        watch = self._watch or self._start_watching()
        number = len(self._epochs)
        self._note(watch.conclude(observed.verdicts, number), watch.settle(one for one, _ in observed.found), number)

    def forget(self) -> None:
        """Let go of the copies of bytes."""
        self._watch = None

    def _enter(self, index: int) -> None:
        """Enter a statement: what changed since the last look was written by those that ran since then."""
        try:
            now = time.perf_counter()
            if self.current is not None:
                self._epochs[-1].add(self.current)
                if self.spent < self.floor + self.share * (now - self._began):
                    self._look()
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

    def _look(self) -> None:
        began = time.thread_time()  # a thread that waits for its turn costs the cell nothing
        watch = self._watch = self._watch or self._start_watching()
        self._open_epoch()
        number = len(self._epochs) - 1
        rewritten = [*watch.look(number)]
        moved = watch.follow(self.peek(), self.references(), number) if self.follows or watch.has_lost else ()
        self._note(rewritten, moved, number)
        self.spent += time.thread_time() - began

    def _note(self, rewritten: Iterable[Rewritten], moved: Iterable[Moved], number: int) -> None:
        for one in rewritten:
            ran = self._since(one.since)
            self.writes.append(Write(storage=one.storage, statements=ran, look=number, mask=one.mask, low=one.low))
        for move in moved:
            ran = self._since(move.since)
            self.moves.append(Move(object=move.object, storage=move.storage, statements=ran, look=number))

    def _since(self, look: int) -> frozenset[int]:
        """Give the statements that ran since a look."""
        return frozenset().union(*self._epochs[look:])

    def _start_watching(self) -> Watch:
        return Watch.begin(self.before, self.marks, self.references(), self.largest)

    def _close_epoch(self) -> None:
        if self.current is not None:
            self._epochs[-1].add(self.current)


def _do_nothing() -> None:
    """Stand in for every probe once one of them has failed."""
