"""The probes of statements that run often: at rest each is a function of C, and a clock wakes them."""

from __future__ import annotations

from itertools import repeat, starmap
from typing import TYPE_CHECKING

from ...core.syntax.probes import probe_name
from ..host.graph_private import next_sequence_number

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Mapping
    from types import ModuleType

    _Wrap = Callable[[Callable[[], object]], Callable[[], object]]


class RestingProbes:
    """Puts functions of C in the place of probes, and the probes back when they are woken.

    A statement that runs at rest empties a list, which costs what a call costs and tells later that it ran. Where
    graphs are built, its index and the number of the next node are noted as well, in C too.

    The clock wakes one statement, each time the next in order; when that is entered, all are woken, so that what it
    does is told from what others do. The entry after that lets all rest again.

    Parameters
    ----------
    probes
        What the instrumented cell calls.
    built
        Receives the number of the next node and the statement, of each statement that is entered.

    Attributes
    ----------
    stamping
        The statements of which it is noted when they run.
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
        """Learn the probes, each by the index of its statement."""
        self._calls.update(calls)
        self._put(self._calls, *calls)

    def __contains__(self, index: int) -> bool:
        """Whether the probe of a statement rests, but for the moments when it is woken."""
        return index in self._rests

    def __len__(self) -> int:
        """Count the statements whose probes rest."""
        return len(self._rests)

    def rest(self, index: int, *, stamps: bool, wrap: _Wrap | None = None) -> None:
        """Let the probe of a statement rest.

        Parameters
        ----------
        stamps
            Whether graphs are built where it stands.
        wrap
            Returns what to call instead of what it is given: the function of C.
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
        """Return the statements that ran at rest since this was asked last."""
        ran = [*self._stamped]
        self._stamped.clear()
        for index, armed in self._armed.items():
            if not armed:
                ran.append(index)
                armed.append(None)
        return ran

    def wake(self) -> None:
        """Wake the next statement in order; all of them where the last one was not entered since.

        Another thread may call it: it only puts other values into the attributes of the probes.
        """
        resting = sorted(self._rests.copy())
        if self._woken is not None:
            self._put(self._calls, *resting)
        elif resting:
            self._last = next((index for index in resting if index > self._last), resting[0])
            self._woken = self._last
            self._put(self._calls, self._woken)

    def follow(self, index: int) -> None:
        """Note that a statement was entered awake: after the first one, all are woken, after the second all rest."""
        if self._all_awake:
            self.lull()
        elif index in self._rests:
            self._all_awake = True
            self._put(self._calls, *self._rests)

    def lull(self) -> None:
        """Let all rest again."""
        self._put(self._rests, *self._rests)
        self._woken, self._all_awake = None, False

    def _put(self, calls: Mapping[int, Callable[[], object]], *indices: int) -> None:
        vars(self._probes).update([(probe_name(index), calls[index]) for index in indices])
