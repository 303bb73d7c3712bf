"""The cells that must run again: after a fix, or after an edited cell, from what they bind and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..statements.statement import Statement, every_statement, parse_statements
from ..syntax.statement_text import words_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


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
    parsed = {count: every_statement(cells[count]) for count in sorted(cells)}
    made = (_last_binding(name, max(edited), parsed) for name in changed)
    found = {*edited, *(one for one in made if one is not None)}
    names: set[str] = set()
    for count, several in parsed.items():
        if count in found or (count > min(found) and any(not names.isdisjoint(one.reads) for one in several)):
            found.add(count)
            names.update(*(one.binds for one in several))
    return tuple(sorted(found))


def _last_binding(name: str, until: int, parsed: Mapping[int, Sequence[Statement]]) -> int | None:
    counts = [
        count for count, several in parsed.items() if count <= until and any(name in one.binds for one in several)
    ]
    return max(counts, default=None)


def stale_cells(edited: int, cells: Iterable[tuple[int, str]]) -> list[int]:
    """Return an edited cell, and the later ones that use what it makes, or what such a cell makes.

    Unlike `cells_to_run`, it asks for no cell that ran before the edited one. A cell that does not parse, as one with
    magics, is taken to make every name that it mentions.

    Parameters
    ----------
    edited
        The execution count of the cell that was edited.
    cells
        The execution counts and sources of the cells, in the order in which they ran.

    Examples
    --------
    >>> stale_cells(1, [(1, "y = x.detach()"), (2, "z = y + 1"), (3, "a = 1"), (4, "print(z)")])
    [1, 2, 4]
    """
    found: list[int] = []
    stale: set[str] = set()
    for count, source in cells:
        if count == edited or not stale.isdisjoint(words_in(source)):
            found.append(count)
            stale.update(_made_by(source))
    return found


def _made_by(source: str) -> set[str]:
    """Return the names that a cell binds, and the roots of what it writes."""
    statements = parse_statements(source)
    if not statements and source.strip():
        return set(words_in(source))
    return {name for one in statements for name in (*one.binds, *(target.path.root for target in one.targets))}
