"""Collectives that earlier cells started and did not wait for: they write later, and name what they write there."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ...records.report_parts import Inner
from ...records.trace.evidence import Evidence
from ...statements.statement import parse_statements
from ...statements.target_matching import match_targets
from ...statements.write_calls import starts_collective
from .loop_writes import LoopWrites

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...records.path import AccessPath
    from ...records.reading import Reading
    from ...statements.statement import Statement


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
