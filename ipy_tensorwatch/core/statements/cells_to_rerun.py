"""Which cells must run again after one of them was edited."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .statement import parse_statements

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORD = re.compile(r"\w+")


def cells_to_rerun(edited: int, cells: Iterable[tuple[int, str]]) -> list[int]:
    """Return the edited cell, and the later ones that use what it makes, or what such a cell makes.

    A cell that does not parse, as one with magics, is taken to make every name that it mentions.

    Parameters
    ----------
    edited
        The execution count of the cell that was edited.
    cells
        The execution counts and sources of the cells, in the order in which they ran.

    Examples
    --------
    >>> cells_to_rerun(1, [(1, "y = x.detach()"), (2, "z = y + 1"), (3, "a = 1"), (4, "print(z)")])
    [1, 2, 4]
    """
    found: list[int] = []
    stale: set[str] = set()
    for count, source in cells:
        if count == edited or not stale.isdisjoint(_WORD.findall(source)):
            found.append(count)
            stale.update(_made_by(source))
    return found


def _made_by(source: str) -> set[str]:
    """Return the names that a cell binds, and the roots of what it writes."""
    statements = parse_statements(source)
    if not statements and source.strip():
        return set(_WORD.findall(source))
    return {name for one in statements for name in (*one.binds, *(target.path.root for target in one.targets))}
