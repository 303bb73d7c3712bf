"""The statement since which two paths have been one memory, from the sources of the cells alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..hazards.facts import TypedLine
from ..statements.statement import parse_statements
from ..syntax.parsing import parse_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..model.path import AccessPath
    from ..model.records import Change
    from ..statements.statement import Statement


class Sharing(NamedTuple):
    """Where sharing began.

    Attributes
    ----------
    path, other
        The path that the statement gave its memory, and the one that had it before.
    """

    begun: TypedLine
    path: AccessPath
    other: AccessPath


def sharings(change: Change, cell: int, cells: Mapping[int, str]) -> Iterator[Sharing]:
    """Yield where a changed path and one that was written may have begun to share memory, the likeliest first."""
    path = parse_path(change.path)
    for name in change.via:
        other = parse_path(name)
        for begun, statement in _before(change, cell, cells):
            bound = next((one for one in (other, path) if one.root in statement.binds or _stores(statement, one)), None)
            if bound is not None:
                yield Sharing(begun, bound, path if bound is other else other)
                break


def _before(change: Change, cell: int, cells: Mapping[int, str]) -> Iterator[tuple[TypedLine, Statement]]:
    """Yield the statements that may have run before the write, the last first."""
    line = change.site.line if change.site else 0
    for count in sorted((one for one in cells if one <= cell), reverse=True):
        several = parse_statements(cells[count])
        earlier = [one for one in several if count < cell or one.line <= line]
        later = [one for one in several if one not in earlier]
        for one in (*reversed(earlier), *reversed(later)):
            yield TypedLine(cell=count, line=one.line, text=one.text), one


def _stores(statement: Statement, path: AccessPath) -> bool:
    """Return whether a statement stores something on the way to a path."""
    return any(
        one.path.root == path.root and len(one.path.steps) < len(path.steps) + 1 and one.kind == "assign"
        for one in statement.targets
    ) or any(f"{path.root}{end}" in statement.text for end in (".append(", ".extend(", ".insert(", ".update("))
