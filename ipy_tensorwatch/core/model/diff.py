"""Compare two snapshots: which paths came, went, lead elsewhere, or lead to an object whose reading differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .reading import changed_fields
from .snapshot import RootSnapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .path import AccessPath
    from .reading import Reading
    from .records import Elements, Kind
    from .snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One path whose reading is not what it was; None on the side where the path does not exist."""

    path: AccessPath
    before: Reading | None
    after: Reading | None

    @property
    def is_same_object(self) -> bool:
        """Whether the path led, and leads, to one object."""
        return self.before is not None and self.after is not None and self.before.object == self.after.object


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What became of the bytes of one path's own elements.

    Attributes
    ----------
    changed
        Whether they differ; None where that is not known.
    verified
        Whether they were compared.
    since
        The cell after which they were last known, when that is not the one before.
    counts, row
        Where the number of changed elements stands; it may be counted when it is read.
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
        """How many elements changed; None where none did, or nobody can count them."""
        return self.counts[self.row] if self.counts else None


class DiffRow(NamedTuple):
    """One path whose reading differs: where it stands, in the new scene or, if it went, in the old one."""

    scene: RootSnapshot
    place: int
    before: Reading | None
    after: Reading | None


def diff(before: Snapshot, after: Snapshot) -> Iterator[DiffRow]:
    """Find the paths whose reading differs; scenes that were carried over are not looked at."""
    for name in dict.fromkeys((*before.scenes, *after.scenes)):
        old, new = before.scenes.get(name, _NOTHING), after.scenes.get(name, _NOTHING)
        if old is new:
            continue
        if old.outline is new.outline:
            yield from _rereadings(old, new)
        else:
            yield from _changes(old, new)


_NOTHING = RootSnapshot()


def _rereadings(old: RootSnapshot, new: RootSnapshot) -> Iterator[DiffRow]:
    """Compare two scenes of the same paths, reading by reading."""
    for place, (known, reading) in enumerate(zip(old.readings, new.readings, strict=True)):
        if known is not reading and known != reading:
            yield DiffRow(new, place, known, reading)


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
    """Name the kind of a change; None where nothing changed that is worth telling."""
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
