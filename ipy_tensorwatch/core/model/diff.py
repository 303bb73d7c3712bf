"""Compare two snapshots: which paths came, went, lead elsewhere, or lead to an object whose reading differs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .reading import changed_fields
from .records import Elements, Kind  # noqa: TC001  (named in the annotations of a record)
from .snapshot import Scene

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .path import AccessPath
    from .reading import Reading
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
    """

    changed: bool | None
    verified: bool
    elements: Elements | None = None
    since: int | None = None


Found = tuple[Difference, Content]


def join(looks: Iterable[Sequence[Found]]) -> tuple[Found, ...]:
    """Make one look of several that followed each other: from what a path was before all to what it is after them."""
    joined: dict[str, Found] = {}
    for difference, content in (one for look in looks for one in look):
        path = str(difference.path)
        if path in joined:
            first, earlier = joined[path]
            whole = Difference(path=difference.path, before=first.before, after=difference.after)
            joined[path] = whole, _add_up(earlier, content)
        else:
            joined[path] = difference, content
    return tuple(one for one in joined.values() if one[0].before is not None or one[0].after is not None)


def _add_up(earlier: Content, later: Content) -> Content:
    """Tell what became of bytes that were looked at twice; how many changed is not known where some did both times."""
    verified = earlier.verified and later.verified
    if earlier.changed and later.changed:
        return Content(changed=True, verified=verified, since=earlier.since)
    return replace(earlier if earlier.changed else later, verified=verified)


def diff(before: Snapshot, after: Snapshot) -> Iterator[Difference]:
    """Find the paths whose reading differs; scenes that were carried over are not looked at."""
    for name in dict.fromkeys((*before.scenes, *after.scenes)):
        old, new = before.scenes.get(name, _NOTHING), after.scenes.get(name, _NOTHING)
        if old is new:
            continue
        if old.paths is new.paths:
            yield from _rereadings(old, new)
        else:
            yield from _changes(old, new)


_NOTHING = Scene()


def _rereadings(old: Scene, new: Scene) -> Iterator[Difference]:
    """Compare two scenes of the same paths, reading by reading."""
    for path, known, reading in zip(new.paths, old.readings, new.readings, strict=True):
        if known is not reading and known != reading:
            yield Difference(path=path, before=known, after=reading)


def _changes(old: Scene, new: Scene) -> Iterator[Difference]:
    was, now = old.by_path, new.by_path
    for path, reading in new.entries:
        known = was.get(str(path))
        if known != reading:
            yield Difference(path=path, before=known, after=reading)
    for path, reading in old.entries:
        if str(path) not in now:
            yield Difference(path=path, before=reading, after=None)


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
