"""The differences between two looks, in columns: one row a path; records are built on demand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ...runtime.record import field, record
from .difference import Content, Difference, DiffRow

if TYPE_CHECKING:
    from ..path import AccessPath
    from ..reading import Reading
    from ..report_parts import Elements

    Found = tuple[Difference, Content]
    Column = np.ndarray[Any, Any]

SAME, CHANGED, NOT_KNOWN = 0, 1, -1
"""The states of the bytes of a row, in the column of all rows."""


class CountsOnDemand(Sequence["Elements | None"]):
    """Numbers of changed elements, counted on demand in copies that are kept until then.

    Attributes
    ----------
    nbytes
        How many bytes the copies take.
    """

    nbytes: int = 0

    def let_go(self) -> None:
        """Release the copies: what was not counted becomes unknown."""


@record(eq=False, slots=False)
class Differences(Sequence[tuple[Difference, Content]]):
    """The paths that changed. As a sequence, each row is a `Difference` and a `Content`.

    Attributes
    ----------
    changed, verified, since
        The fields of the `Content` of each row.
    counts
        The changed elements of each row, which may be counted on demand.
    """

    rows: Sequence[DiffRow] = ()
    changed: Sequence[bool | None] = ()
    verified: Sequence[bool] = ()
    since: Sequence[int | None] = ()
    counts: Sequence[Elements | None] = field(default=(), repr=False)

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.rows)

    @overload
    def __getitem__(self, row: int) -> Found: ...

    @overload
    def __getitem__(self, row: slice) -> tuple[Found, ...]: ...

    def __getitem__(self, row: int | slice) -> Found | tuple[Found, ...]:
        """Build the records of a row, or of several."""
        if isinstance(row, slice):
            return tuple(self[one] for one in range(*row.indices(len(self))))
        _, _, before, after = self.rows[row]
        content = Content(
            changed=self.changed[row], verified=self.verified[row], since=self.since[row], counts=self.counts, row=row
        )
        return Difference(path=self.path(row), before=before, after=after), content

    @property
    def nbytes(self) -> int:
        """The bytes kept to count the changed elements."""
        return self.counts.nbytes if isinstance(self.counts, CountsOnDemand) else 0

    def let_go(self) -> None:
        """Release these bytes."""
        if isinstance(self.counts, CountsOnDemand):
            self.counts.let_go()

    def path(self, row: int) -> AccessPath:
        """Spell the path of a row."""
        return self.rows[row].scene.path_at(self.rows[row].place)

    @cached_property
    def objects(self) -> Column:
        """The serial of the tensor that each path leads to now; 0 if the path is gone."""
        return np.array([after.object if after else 0 for _, _, _, after in self.rows], np.int64)

    @cached_property
    def is_same_object(self) -> Column:
        """Whether each path led to that same tensor before."""
        was = np.array([before.object if before else 0 for _, _, before, _ in self.rows], np.int64)
        return np.asarray((was == self.objects) & (was != 0))

    @cached_property
    def storages(self) -> Column:
        """The serial of the storage that each path leads to now; 0 for none."""
        return np.array([after.storage if after else 0 for _, _, _, after in self.rows], np.int64)

    @cached_property
    def bytes_changed(self) -> Column:
        """The state of the bytes of each path's elements: `SAME`, `CHANGED` or `NOT_KNOWN`."""
        return np.array([NOT_KNOWN if one is None else int(one) for one in self.changed], np.int8)

    @cached_property
    def is_mutated(self) -> Column:
        """Whether each path leads to the same tensor, with other bytes."""
        return np.asarray(self.is_same_object & (self.bytes_changed == CHANGED))

    @cached_property
    def moved(self) -> tuple[DiffRow, ...]:
        """The rows of tensors that lie in another storage than before."""
        both = [(row, row.before, row.after) for row in self.rows]
        return tuple(
            [
                row
                for row, before, after in both
                if before and after and before.object == after.object and before.storage != after.storage
            ]
        )


def readings_after(found: Sequence[Found]) -> Iterator[Reading | None]:
    """Yield what each path leads to now, without making a record of it."""
    if isinstance(found, Differences):
        return (row.after for row in found.rows)
    return (difference.after for difference, _ in found)


def join_looks(looks: Iterable[Sequence[Found]]) -> Sequence[Found]:
    """Join consecutive looks into one: from the first reading of each path to its last."""
    several = [look for look in looks if look]
    if len(several) == 1:
        return several[0]
    joined: dict[str, Found] = {}
    for difference, content in (one for look in several for one in look):
        path = str(difference.path)
        if path in joined:
            first, earlier = joined[path]
            whole = Difference(path=difference.path, before=first.before, after=difference.after)
            joined[path] = whole, _add_up(earlier, content)
        else:
            joined[path] = difference, content
    return tuple(one for one in joined.values() if one[0].before is not None or one[0].after is not None)


def _add_up(earlier: Content, later: Content) -> Content:
    """Combine two consecutive contents; the number of changed elements is unknown if both changed."""
    verified = earlier.verified and later.verified
    if earlier.changed and later.changed:
        return Content(changed=True, verified=verified, since=earlier.since)
    return replace(earlier if earlier.changed else later, verified=verified)
