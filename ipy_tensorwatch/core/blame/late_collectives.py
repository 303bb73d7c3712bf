"""Changes by a collective that an earlier cell started and did not wait for: that cell has named what it writes."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from ..records.report_parts import Inner, Site
from ..records.trace.evidence import Evidence
from ..statements.statement import Statement, parse_statements
from ..statements.target_matching import match_targets
from ..statements.told_by_text import awaits, starts_collective
from .evidence.loop_writes import LoopWrites

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..records.path import AccessPath
    from ..records.reading import Reading
    from ..records.snapshots.difference import Difference
    from .evidence.snapshot_index import SnapshotIndex
    from .verdict import Verdict


class OpenCollectives:
    """Finds the statement of an earlier cell that started to write a tensor.

    Parameters
    ----------
    sources
        The cells that start collectives, by count, oldest first.
    watched
        All paths, spelled.
    """

    def __init__(self, sources: Mapping[int, str], watched: Mapping[str, Reading]) -> None:
        self._sources, self._watched = sources, watched

    def __bool__(self) -> bool:
        """Return whether any cell started one."""
        return bool(self._sources)

    def starter(self, path: AccessPath, reading: Reading) -> Inner | None:
        """Return the last statement that names a path as what its collective writes; None if none does."""
        for cell, statement, loops in self._statements:
            named = match_targets(statement.targets, ({},), self._watched)
            if str(path) in named.exact or named.is_behind(path) or loops.names(statement, path, reading):
                return Inner(cell=cell, line=statement.line, text=statement.text)
        return None

    @cached_property
    def _statements(self) -> list[tuple[int, Statement, LoopWrites]]:
        return [*self._parsed()][::-1]

    def _parsed(self) -> Iterator[tuple[int, Statement, LoopWrites]]:
        for cell, source in self._sources.items():
            loops = LoopWrites(Evidence(cell=cell, plain=source), self._watched)
            yield from ((cell, one, loops) for one in parse_statements(source) if starts_collective(one.text))


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
