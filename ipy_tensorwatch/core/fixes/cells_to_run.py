"""The cells that must run again after an edit, from what they bind and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..statements.statement import parse_statements, statements_in

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..statements.statement import Statement


def cells_to_run(edited: Collection[int], changed: Collection[str], cells: Mapping[int, str]) -> tuple[int, ...]:
    """Return the edited cells, those that made what was changed, and the later ones that use what these bind.

    Parameters
    ----------
    changed
        The variables whose bytes were written to, so that they must be made again.
    cells
        The plain sources of all cells so far, by count.

    Examples
    --------
    >>> cells = {1: "x = ones(3)", 2: "y = x.detach()", 3: "z = 1", 4: "y.add_(1)", 5: "print(z)"}
    >>> cells_to_run([2], ["x"], cells)
    (1, 2, 4)
    """
    parsed = {count: _statements(cells[count]) for count in sorted(cells)}
    made = (_last_binding(name, max(edited), parsed) for name in changed)
    found = {*edited, *(one for one in made if one is not None)}
    names: set[str] = set()
    for count, several in parsed.items():
        if count in found or (count > min(found) and any(not names.isdisjoint(one.reads) for one in several)):
            found.add(count)
            names.update(*(one.binds for one in several))
    return tuple(sorted(found))


def _statements(source: str) -> list[Statement]:
    return [inner for one in parse_statements(source) for inner in statements_in(one)]


def _last_binding(name: str, until: int, parsed: Mapping[int, list[Statement]]) -> int | None:
    counts = [
        count for count, several in parsed.items() if count <= until and any(name in one.binds for one in several)
    ]
    return max(counts, default=None)
