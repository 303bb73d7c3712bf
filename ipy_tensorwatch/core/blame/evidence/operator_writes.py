"""The operators that a recorder saw, as plain values, and the variables whose bytes each one wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...memory.neighbours import Neighbourhood
from ...memory.overlap import share_bytes
from ...records.reading import Reading, extent

if TYPE_CHECKING:
    from ...records.path import AccessPath
    from ...records.report_parts import Place
    from ...records.snapshots.snapshot import Snapshot


class Region(NamedTuple):
    """The memory an operator was about to write; recorded thousands of times a second, so kept raw.

    Attributes
    ----------
    storage
        Its serial number; 0 if the memory is not known.
    offset, strides
        In elements.
    """

    storage: int
    data_ptr: int
    itemsize: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def reading(self) -> Reading:
        """Return the region as a nameless reading, for comparison with others."""
        strides = tuple(stride * self.itemsize for stride in self.strides)
        low, shape = self.offset * self.itemsize, tuple(self.shape)
        return Reading(
            kind="region",
            object=0,
            storage=self.storage,
            device="",
            dtype="",
            itemsize=self.itemsize,
            shape=shape,
            strides=strides,
            data_ptr=self.data_ptr,
            low=low,
            high=low + extent(shape, strides, self.itemsize)[1],
            version=None,
            requires_grad=False,
            is_leaf=True,
            grad_fn=None,
        )


UNKNOWN = Region(0, 0, 0, 0, (), ())
"""The region of memory that is not known: of sparse tensors, wrappers, fake tensors."""


class Operation(NamedTuple):
    """One operator that wrote, from one line, to one set of regions.

    Attributes
    ----------
    own, inner
        The line of the cell itself, and the innermost line of the notebook, which may be in a function that it called.
    statement
        The statement that was running, as far as the probes knew.
    """

    op: str
    own: Place | None
    inner: Place | None
    statement: int | None
    regions: tuple[Region, ...]


class PathsByBytes:
    """Finds the variables that own a region, although freed addresses are reused."""

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        self._before, self._after = before, after
        self._near = Neighbourhood(entry for entries in after.by_storage.values() for entry in entries)
        self._known: dict[Region, tuple[AccessPath, ...]] = {UNKNOWN: ()}

    def of(self, region: Region) -> tuple[AccessPath, ...]:
        """Return the paths whose bytes a region touches."""
        if region not in self._known:
            self._known[region] = self._find(region.reading())
        return self._known[region]

    def _find(self, region: Reading) -> tuple[AccessPath, ...]:
        own = self._after.by_storage.get(region.storage, ())
        here = _moved_to(region, own[0][1]) if own else region
        found = tuple(path for path, reading in self._near.of(here) if own or self._stood_still(reading))
        return found or self._before_the_cell(region)

    def _stood_still(self, reading: Reading) -> bool:
        """Return whether memory had the same address before and after the cell, so no other tensor used it between."""
        earlier = self._before.by_storage.get(reading.storage, ())
        return any(one.storage_start == reading.storage_start for _, one in earlier[:1])

    def _before_the_cell(self, region: Reading) -> tuple[AccessPath, ...]:
        """Return the variables that led to this memory when the cell began and lead elsewhere now."""
        entries = self._before.by_storage.get(region.storage, ())
        return tuple(path for path, reading in entries if share_bytes(region, reading) is not False)


def _moved_to(region: Reading, reading: Reading) -> Reading:
    return region._replace(data_ptr=region.data_ptr + reading.storage_start - region.storage_start)
