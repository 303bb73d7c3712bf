"""One path whose bytes differ, and what shares its memory."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ...runtime.record import record

if TYPE_CHECKING:
    from ...records.path import AccessPath
    from ...records.reading import Reading
    from ...records.snapshots.snapshot import Entry


@record(slots=False)
class ChangedPath:
    """One path whose bytes differ.

    Attributes
    ----------
    group
        The other paths that share a byte with it.
    detours
        Some more paths, over second ways to the containers of these.
    is_data
        Whether it was data, which was made a leaf by a function or under another name.
    """

    path: AccessPath
    reading: Reading
    group: tuple[Entry, ...]
    detours: tuple[AccessPath, ...] = ()
    is_data: bool = False

    @cached_property
    def names(self) -> frozenset[str]:
        """Its spelling, and that of the whole tensor if it is a component of a sparse one."""
        is_part = self.reading.kind == "component"
        whole = self.path.owner if is_part else self.path
        return frozenset((str(self.path), str(whole)))

    @cached_property
    def others(self) -> frozenset[AccessPath]:
        """The other paths."""
        return frozenset((*(path for path, _ in self.group), *self.detours))

    @cached_property
    def same(self) -> tuple[AccessPath, ...]:
        """The other paths to the same tensor object."""
        return tuple(path for path, reading in self.group if reading.object == self.reading.object)

    @cached_property
    def objects(self) -> frozenset[int]:
        """The serials of all tensor objects over the memory."""
        return frozenset((self.reading.object, *(reading.object for _, reading in self.group)))

    @cached_property
    def storages(self) -> frozenset[int]:
        """The serials of all storages over the memory."""
        return frozenset((self.reading.storage, *(reading.storage for _, reading in self.group)))
