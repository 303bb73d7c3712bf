"""The bytes that the storages of a running cell had at a look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.records.snapshots.differences import Differences
from ...core.runtime.record import record
from ..compare.compare_bytes import ByteVerdict, Fingerprints
from ..compare.element_diff import EXAMPLES, ElementCounts, contrast_rows
from ..compare.sparse_owners import with_owners

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...core.records.snapshots.difference import DiffRow
    from ...core.records.snapshots.snapshot import Snapshot
    from ..compare.byte_history import Period


@record
class PastMemory:
    """The bytes of storages at a look, and when the cell has ended.

    Attributes
    ----------
    periods
        Returns the bytes of a storage while the cell ran.
    verdicts
        The comparisons made when it had ended.
    after
        The snapshot of that time.
    """

    prints: Fingerprints
    periods: Callable[[int], Sequence[Period]]
    verdicts: Mapping[int, ByteVerdict]
    after: Snapshot

    def differences(self, rows: Sequence[DiffRow], look: int) -> Differences:
        """Compare the elements of some paths with those at a look."""
        both = [row for row in rows if row.before is not None and row.after is not None]
        storages = {one.storage for row in both for one in (row.before, row.after) if one is not None}
        verdicts = {storage: self._verdict(storage, look) for storage in storages}
        rows, contents = with_owners(self.after, rows, contrast_rows(rows, verdicts, self.prints, EXAMPLES))
        return Differences(
            rows=rows,
            changed=[one.changed for one in contents],
            verified=[one.verified for one in contents],
            since=[None] * len(rows),
            counts=ElementCounts(rows, contents, EXAMPLES),
        )

    def _verdict(self, storage: int, look: int) -> ByteVerdict:
        periods = [one.mark for one in self.periods(storage) if one.first <= look]
        verdict = self.verdicts.get(storage)
        after = verdict.after if verdict else self.prints.mark_of(storage)
        return ByteVerdict("changed", periods[-1] if periods else None, after)
