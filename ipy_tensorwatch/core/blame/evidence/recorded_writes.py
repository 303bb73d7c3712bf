"""Turn recorded operators into the report's writes and into evidence for blame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...records.report_parts import Inner, OperatorWrite, Site
from ...records.trace.evidence import Recorded
from ...records.trace.saved_tensor import Writing
from ...runtime.record import mutable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...statements.statement import Statement
    from ...syntax.cell_lines import Listing
    from .operator_writes import Operation, PathsByBytes


@mutable
class RecordedWrites:
    """Maps recorded operations to statements and lines of the cell.

    Attributes
    ----------
    listing
        The lines of the notebook's cells.
    """

    count: int
    statements: tuple[Statement, ...]
    listing: Listing

    def writes(self, seen: Mapping[Operation, int], owners: PathsByBytes) -> tuple[OperatorWrite, ...]:
        """Return each operation with its site and the variables it wrote, duplicates counted once."""
        found: dict[tuple[Site | None, str, tuple[str, ...]], int] = {}
        for one, times in seen.items():
            key = self.site_of(one), _spell(one.op), tuple(_paths(one, owners))
            found[key] = found.get(key, 0) + times
        return tuple(OperatorWrite(site=site, op=op, paths=paths, times=n) for (site, op, paths), n in found.items())

    def recorded(self, seen: Mapping[Operation, int], owners: PathsByBytes) -> dict[str, tuple[Recorded, ...]]:
        """Map each path to the statements, and the lines inside functions, that were seen to write to it."""
        found: dict[str, dict[Recorded, None]] = {}
        for operation in seen:
            statement = self._statement(operation)
            if statement is not None:
                one = Recorded(statement=statement.index, inner=self._inner(operation, statement))
                for path in _paths(operation, owners):
                    found.setdefault(path, {})[one] = None
        return {path: tuple(ones) for path, ones in found.items()}

    def dated(self, first: Mapping[tuple[int, int], Operation]) -> dict[tuple[int, int], Writing]:
        """Return the first write to each storage at each version."""
        return {key: Writing(cell=self.count, site=self.site_of(one)) for key, one in first.items()}

    def site_of(self, operation: Operation) -> Site | None:
        """Return the line that ran an operation."""
        statement = self._statement(operation)
        if statement is None:
            return None
        inner = self._inner(operation, statement)
        return statement.site(inner=inner)

    def _statement(self, operation: Operation) -> Statement | None:
        """Return the statement by its line; by the probe if a line holds several or no line was seen."""
        known = next((one for one in self.statements if one.index == operation.statement), None)
        if operation.own is None or self.listing.cells.get(operation.own[0]) != self.count:
            return known
        here = [one for one in self.statements if one.line <= operation.own[1] <= one.end_line]
        return known if known in here else here[0] if here else known

    def _inner(self, operation: Operation, statement: Statement) -> Inner | None:
        """Return the innermost line; None for a line of the statement itself, such as its comprehension or lambda."""
        if operation.inner is None:
            return None
        name, line = operation.inner
        if self.listing.cells.get(name) == self.count and statement.line <= line <= statement.end_line:
            return None
        return self.listing.line(operation.inner)


def _paths(operation: Operation, owners: PathsByBytes) -> Iterator[str]:
    return iter(dict.fromkeys(str(path) for region in operation.regions for path in owners.of(region)))


def _spell(name: str) -> str:
    return name.replace("::", ".")
