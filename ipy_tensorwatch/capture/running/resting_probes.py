"""Probes of frequent statements: while at rest each is a C function, and a timer wakes them."""

from __future__ import annotations

from itertools import repeat, starmap
from typing import TYPE_CHECKING

from ...core.syntax.probe_insertion import probe_name
from ..runtime.graph_private import next_sequence_number

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Mapping
    from types import ModuleType

    _Wrap = Callable[[Callable[[], object]], Callable[[], object]]

HOT_ENTRIES, HOT_INTERVAL = 400, 20e-6
"""The probe of a statement entered more often than this, in seconds, rests even if there is time for looks."""
SAMPLED_ENTRIES, SAMPLED_INTERVAL = 400, 200e-6
"""How many entries, and up to which mean interval in seconds, a resting statement's keys are recorded."""
SHORTEST_REST = 0.02
"""The minimum time that probes rest before they are woken, in seconds."""


class RestingProbes:
    """Replaces probes by C functions, and puts them back when they are woken.

    A statement that runs at rest empties a list, which costs one C call and shows later that it ran. Where
    graphs are built, its index and the sequence number of the next node are recorded too, also in C.

    The timer wakes one statement, each time the next in order; when that is entered, all are woken, so that its writes
    are separated from those of others. The next entry puts all to rest again.

    Parameters
    ----------
    probes
        The probes that the instrumented cell calls.
    built
        Receives (sequence number of the next node, statement) for each statement entered.

    Attributes
    ----------
    stamping
        The statements whose times are recorded.
    """

    def __init__(self, probes: ModuleType, built: deque[tuple[int, int]]) -> None:
        self._probes, self._built = probes, built
        self._calls: dict[int, Callable[[], object]] = {}
        self._rests: dict[int, Callable[[], object]] = {}
        self._armed: dict[int, list[None]] = {}
        self.stamping: set[int] = set()
        self._stamped: dict[int, int] = {}
        self._woken: int | None = None
        self._last = -1
        self._all_awake = False

    def begin(self, calls: Mapping[int, Callable[[], object]]) -> None:
        """Set the probes, by the index of their statement."""
        self._calls.update(calls)
        self._put(self._calls, *calls)

    def __contains__(self, index: int) -> bool:
        """Return whether a statement's probe rests, apart from moments when it is woken."""
        return index in self._rests

    def __len__(self) -> int:
        """Return the number of statements whose probes rest."""
        return len(self._rests)

    def rest(self, index: int, *, stamps: bool, wrap: _Wrap | None = None) -> None:
        """Put the probe of a statement to rest.

        Parameters
        ----------
        stamps
            Whether the statement builds graphs.
        wrap
            Wraps the C function that replaces the probe.
        """
        if stamps:
            ran = map(self._stamped.setdefault, repeat(index), repeat(index))
            entries = zip(starmap(next_sequence_number, repeat(())), ran, strict=False)
            note = map(self._built.append, entries).__next__
            self.stamping.add(index)
        else:
            note = self._armed.setdefault(index, [None]).clear
        self._rests[index] = wrap(note) if wrap else note
        self._put(self._rests, index)

    def take_ran(self) -> list[int]:
        """Return the statements that ran at rest since the last call."""
        ran = [*self._stamped]
        self._stamped.clear()
        for index, armed in self._armed.items():
            if not armed:
                ran.append(index)
                armed.append(None)
        return ran

    def wake(self) -> None:
        """Wake the next statement in order; all, if the last one was not entered since.

        Safe to call from another thread: it only reassigns attributes of the probes.
        """
        resting = sorted(self._rests.copy())
        if self._woken is not None:
            self._put(self._calls, *resting)
        elif resting:
            self._last = next((index for index in resting if index > self._last), resting[0])
            self._woken = self._last
            self._put(self._calls, self._woken)

    def follow(self, index: int) -> None:
        """Record that a statement was entered awake: after the first, all are woken; after the second, all rest."""
        if self._all_awake:
            self.lull()
        elif index in self._rests:
            self._all_awake = True
            self._put(self._calls, *self._rests)

    def lull(self) -> None:
        """Put all probes to rest again."""
        self._put(self._rests, *self._rests)
        self._woken, self._all_awake = None, False

    def _put(self, calls: Mapping[int, Callable[[], object]], *indices: int) -> None:
        vars(self._probes).update([(probe_name(index), calls[index]) for index in indices])
