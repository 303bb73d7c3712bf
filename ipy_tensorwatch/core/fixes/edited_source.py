"""Apply edits to the source of a cell, and list the lines that they replace."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..hazards.fix import Edit


class DiffLine(NamedTuple):
    """A line that an edit removes or adds; `number` is that in the source before it."""

    sign: Literal["-", "+"]
    number: int
    text: str


def apply_edits(source: str, edits: Sequence[Edit]) -> str:
    r"""Return a cell's source with its edits applied.

    Examples
    --------
    >>> from ..hazards.fix import Edit
    >>> apply_edits("a = 1\nb = a", [Edit(cell=1, line=2, end_line=2, text="b = a + 0")])
    'a = 1\nb = a + 0'
    """
    lines = source.split("\n")
    for one in sorted(edits, key=lambda one: (-one.line, -one.end_line)):  # an insertion goes before what replaces
        lines[one.line - 1 : one.end_line] = one.text.split("\n")
    return "\n".join(lines)


def moved_line(line: int, edits: Sequence[Edit]) -> int:
    """Return the number of a line of a cell's source after edits; of a replaced one, that of what replaces it.

    Examples
    --------
    >>> from ..hazards.fix import Edit
    >>> moved_line(2, [Edit(cell=1, line=1, end_line=0, text="import copy")])
    3
    """
    return line + sum(
        len(one.text.split("\n")) - (one.end_line + 1 - one.line)
        for one in edits
        if one.end_line < line  # an insertion before the line ends before it too
    )


def edit_diff(source: str, edits: Sequence[Edit]) -> Iterator[DiffLine]:
    """Yield the lines of a cell that edits remove and add; those that stay as they are are left out."""
    lines = source.split("\n")
    for one in sorted(edits, key=lambda one: one.line):
        old, new = lines[one.line - 1 : one.end_line], one.text.split("\n")
        yield from (DiffLine("-", one.line + place, text) for place, text in enumerate(old) if text not in new)
        yield from (DiffLine("+", one.line, text) for text in new if text not in old)


def are_apart(edits: Sequence[Edit]) -> bool:
    """Return whether edits do not touch the same lines."""
    ordered = sorted(edits, key=lambda one: (one.cell, one.line, one.end_line))
    return all(one.cell != other.cell or one.end_line < other.line for one, other in pairwise(ordered))
