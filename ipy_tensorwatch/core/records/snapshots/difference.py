"""Compare two snapshots: paths that were added, removed, rebound, or whose object has another reading."""

from __future__ import annotations

from functools import partial
from itertools import compress, count, repeat
from operator import is_not
from typing import TYPE_CHECKING, NamedTuple

from ...runtime.record import record
from ..reading import Reading, changed_fields
from .snapshot import RootSnapshot, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..path import AccessPath
    from ..report_parts import Elements, Kind


@record
class Difference:
    """One path whose reading changed; None on a side where the path does not exist."""

    path: AccessPath
    before: Reading | None
    after: Reading | None

    @property
    def is_same_object(self) -> bool:
        """Whether the path led to the same object before and after."""
        return self.before is not None and self.after is not None and self.before.object == self.after.object


@record
class Content:
    """The change of the bytes of one path's own elements.

    Attributes
    ----------
    changed
        Whether they differ; None if not known.
    verified
        Whether they were compared.
    since
        The cell after which they were last known, if it is not the previous one.
    counts, row
        The place of the number of changed elements, which may be counted on demand.
    """

    changed: bool | None
    verified: bool
    since: int | None = None
    counts: Sequence[Elements | None] = ()
    row: int = 0

    @classmethod
    def of(
        cls, *, changed: bool | None, verified: bool, elements: Elements | None = None, since: int | None = None
    ) -> Content:
        """Describe a path whose changed elements have been counted."""
        return cls(changed=changed, verified=verified, since=since, counts=(elements,))

    @property
    def elements(self) -> Elements | None:
        """The changed elements; None if none changed or they cannot be counted."""
        return self.counts[self.row] if self.counts else None


class DiffRow(NamedTuple):
    """One path whose reading changed: its place in the new scene, or in the old one if it was removed."""

    scene: RootSnapshot
    place: int
    before: Reading | None
    after: Reading | None


def diff(before: Snapshot, after: Snapshot) -> list[DiffRow]:
    """Return the paths whose reading changed; carried scenes are skipped."""
    found: list[DiffRow] = []
    for name in dict.fromkeys((*before.scenes, *after.scenes)):
        old, new = before.scenes.get(name, _NOTHING), after.scenes.get(name, _NOTHING)
        if old is new:
            continue
        found += _rereadings(old, new) if old.outline is new.outline else _changes(old, new)
    others = before.scenes.keys() ^ after.scenes.keys()
    return [*_joined(found)] if any("<" in name for name in others) else found


def _joined(rows: list[DiffRow]) -> Iterator[DiffRow]:
    """Join what left one scene and came into another: the parts of a container that grew are scenes of their own."""
    paths = [str(row.scene.path_at(row.place)) for row in rows]
    gone = {path: row.before for path, row in zip(paths, rows, strict=True) if row.after is None}
    come = {path for path, row in zip(paths, rows, strict=True) if row.before is None}
    for path, row in zip(paths, rows, strict=True):
        if row.before is None and path in gone:
            if row.after != gone[path]:
                yield row._replace(before=gone[path])
        elif row.after is not None or path not in come:
            yield row


_NOTHING = RootSnapshot()


def _rereadings(old: RootSnapshot, new: RootSnapshot) -> Iterator[DiffRow]:
    """Compare two scenes of the same paths, reading by reading."""
    before, after = old.readings, new.readings
    others = compress(count(), map(is_not, before, after))
    places = [place for place in others if before[place] != after[place]]
    rows = zip(repeat(new), places, [before[one] for one in places], [after[one] for one in places], strict=False)
    return map(make_row, rows)


make_row: Callable[[tuple[object, ...]], DiffRow] = partial(tuple.__new__, DiffRow)
"""Makes a row without a Python call: a training step makes a thousand."""


def _changes(old: RootSnapshot, new: RootSnapshot) -> Iterator[DiffRow]:
    was, now = old.places, new.places
    for place, (path, reading) in enumerate(new.entries):
        before = was.get(str(path))
        known = None if before is None else old.readings[before]
        if known != reading:
            yield DiffRow(new, place, known, reading)
    for place, (path, reading) in enumerate(old.entries):
        if str(path) not in now:
            yield DiffRow(old, place, reading, None)


def classify(difference: Difference, content: Content) -> Kind | None:
    """Return the kind of a change; None if nothing worth reporting changed."""
    before, after = difference.before, difference.after
    if before is None:
        return "bound"
    if after is None:
        return "unbound"
    if before.object != after.object:
        return "rebound"
    if content.changed:
        return "mutated"
    fields = changed_fields(before, after)
    if set(fields) - {"grad_fn"}:
        return "metadata"
    if before.version != after.version:
        return "touched"
    return "metadata" if fields else None
