"""Changes by a collective that an earlier cell started: that cell has named what it writes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..statements.write_calls import awaits

if TYPE_CHECKING:
    from ..records.report_parts import Site
    from ..records.snapshots.difference import Difference
    from .evidence.open_collectives import OpenCollectives
    from .evidence.snapshot_index import SnapshotIndex
    from .verdict import Verdict


def blame_late_collective(
    verdict: Verdict, started: OpenCollectives, difference: Difference, places: SnapshotIndex
) -> Verdict:
    """Return the verdict, direct if a collective that is still open names the path as written.

    What only shares the memory changes through the path that it names.
    """
    reading = difference.after or difference.before
    if not started or reading is None or not _may_be_late(verdict):
        return verdict
    inner = started.starter(difference.path, reading)
    if inner is not None:
        return replace(verdict, cause="direct", via=(), sites=tuple(replace(one, inner=inner) for one in verdict.sites))
    named = (path for path, one in places.overlapping(reading) if started.starter(path, one))
    through = next((str(path) for path in named if path != difference.path), "")
    return replace(verdict, cause="alias", via=(through,)) if through else verdict


def _may_be_late(verdict: Verdict) -> bool:
    """Return whether a change is silent, and no statement leads to it but one that waits for what was started."""
    if not verdict.is_silent or verdict.via:
        return False
    return verdict.cause == "outside" or all(awaits(one.text) or _is_by_chance(one, verdict) for one in verdict.sites)


def _is_by_chance(site: Site, verdict: Verdict) -> bool:
    return verdict.cause == "alias" and site.inner is None
