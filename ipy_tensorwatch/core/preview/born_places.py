"""What a cell that has not run would bind, and what would become of it: as the looks between its statements see it."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice
from typing import TYPE_CHECKING

from ..records.path import AccessPath
from ..records.snapshots.difference import Content, Difference
from ..records.trace.born import Born
from ..records.trace.evidence import Position

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..records.reading import Reading
    from ..records.snapshots.differences import Found
    from .snapshot_afterwards import LaterPlace

_CHANGED = Content.of(changed=True, verified=True)
_SAME = Content.of(changed=False, verified=False)


class BornPlaces:
    """The paths that a cell binds to memory that it writes: before the last write, or after it."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int], dict[str, Found]] = defaultdict(dict)
        self._elements: Counter[object] = Counter()
        self._has_changed = False

    def __bool__(self) -> bool:
        """Whether one of them changes, or a container gets the same elements twice."""
        return self._has_changed or any(times > 1 for times in self._elements.values())

    def __len__(self) -> int:
        """How many moments bind some of them."""
        return len(self._found)

    def put(self, place: LaterPlace, reading: Reading, *, changed: bool) -> None:
        """Note a path; only an item of a container is noted that does not change."""
        path, spelled = place.path, str(place.path)
        is_item = bool(path.steps) and path.steps[-1].startswith("[")
        if not (changed or is_item):
            return
        self._has_changed |= changed
        known = self._found[place.since, place.statement]
        if is_item and spelled not in known:
            self._elements[path.root, reading.storage, reading.layout] += 1
        if spelled not in known or (changed and not known[spelled][1].changed):
            known[spelled] = Difference(path=path, before=place.reading, after=reading), _CHANGED if changed else _SAME

    def changed(self) -> Iterator[Found]:
        """Yield the paths that change."""
        yield from (one for several in self._found.values() for one in several.values() if one[1].changed)

    def bound(self) -> Iterator[Found]:
        """Yield that one of the containers was bound: a cell that changes nothing else has changed that."""
        every = (one for several in self._found.values() for one, _ in several.values() if one.path.steps)
        for one in islice(every, 1):
            yield Difference(path=AccessPath(one.path.root), before=None, after=one.after), _SAME

    def as_born(self, ran: frozenset[int]) -> Iterator[Born]:
        """Yield the records of what was bound, given the statements that ran."""
        for (since, statement), found in self._found.items():
            positions = frozenset((Position(statement, None, blind=False),))
            yield Born(look=since + 1, positions=positions, ran=ran, found=tuple(found.values()))
