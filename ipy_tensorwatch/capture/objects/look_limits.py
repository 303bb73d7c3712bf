"""The limits of one look: everything for ordinary sizes; beyond that by the clock, in turns."""

from __future__ import annotations

import math
from time import thread_time
from typing import TYPE_CHECKING, Any, NamedTuple

from ...core.records.snapshots.outline import OutlineRun
from ...core.runtime.record import field, mutable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ...core.records.path import AccessPath

EXACT_TENSORS, EXACT_OBJECTS = 20_000, 50_000
"""So many are visited after every cell regardless of time, so that results do not depend on speed."""
LIGHT = 4
"""So many containers are searched in the time in which one is walked."""
HUGE = EXACT_TENSORS
"""A container with more items is always split into segments."""
LARGE = 2000
"""A variable that takes the time of so many containers, and holds no tensor, is passed by while no cell names it."""
MAX_CONTAINERS = 200_000
MAX_REPEATS = 16
"""The maximum number of paths walked through one shared container."""
SEGMENT = 256
"""The number of items of a huge container in one segment."""


class Segment(NamedTuple):
    """Some neighbours in a huge container.

    Attributes
    ----------
    key
        The identity of the segment across looks.
    path
        The path of the container.
    whole, everything, start
        The whole container, and the start of the segment in it.
    above
        The ids of the containers on this path.
    """

    key: str
    path: AccessPath
    whole: OutlineRun
    everything: Sequence[Any]
    start: int
    above: tuple[int, ...]
    weight: int = 1

    @property
    def size(self) -> int:
        """The number of its objects, weighted by the cost of opening one."""
        return self.weight * min(SEGMENT, len(self.everything) - self.start)

    def cut(self, node: int) -> tuple[OutlineRun, Sequence[Any]]:
        """Return the segment's run under a node, and its objects."""
        part, whole = slice(self.start, self.start + SEGMENT), self.whole
        keys, values = whole.keys[part], self.everything[part]
        count = min(len(keys), len(values))
        return OutlineRun(node, whole.style, keys[:count], whole.role), values[:count]


def segments_of(
    path: AccessPath, run: OutlineRun, values: Sequence[Any], above: tuple[int, ...], weight: int = 1
) -> Iterator[Segment]:
    """Split a huge container into segments."""
    begin = f"{path}<{run.style}{run.role} "
    for start in range(0, len(values), SEGMENT):
        yield Segment(f"{begin}{start}>", path, run, values, start, above, weight)


@mutable
class Limits:
    """The remaining limits of one look, and the order of branches.

    Attributes
    ----------
    seconds
        The CPU time of this thread that may be spent, from construction on.
    turns
        The number of the last look that reached each branch or segment, by key.
    cut
        The containers that are split into segments; they stay split, or all in them would seem new.
    whole
        The names that are read whole.
    idle
        The names that are passed by: they held no tensor, and the cell does not name them.
    objects, tensors
        How many were visited so far.
    searched
        How many containers were searched for tensors without a path to them.
    counted
        The number of tensors found in large containers.
    """

    seconds: float = math.inf
    turns: Mapping[str, int] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    whole: Collection[str] = ()
    idle: Collection[str] = ()
    objects: int = 0
    tensors: int = 0
    searched: int = 0
    counted: int = 0
    _deadline: float = field(init=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        self._deadline = thread_time() + self.seconds

    @property
    def is_late(self) -> bool:
        """Whether the time limit has passed."""
        return thread_time() > self._deadline

    def may_walk(self) -> bool:
        """Return whether more objects may be opened."""
        return self.objects + self.searched // LIGHT <= EXACT_OBJECTS or not self.is_late

    def may_read(self, count: int) -> bool:
        """Return whether few enough tensors are left to read them regardless of time."""
        return count <= SEGMENT and self.tensors + count <= EXACT_TENSORS

    def cuts(self, path: AccessPath, size: int, *, holds_arrays: bool) -> bool:
        """Return whether a container is to be split into segments."""
        if size > SEGMENT:
            self.counted += size if holds_arrays else 0
            is_one_too_many = holds_arrays and self.counted > EXACT_TENSORS and path.root not in self.whole
            if size > HUGE or is_one_too_many or (self.cut and str(path) in self.cut):
                self.cut.add(str(path))
                return True
        return False

    def last_turn(self, key: str) -> int:
        """Return the number of the last look that reached something; -1 if none did."""
        return self.turns.get(key, -1)
