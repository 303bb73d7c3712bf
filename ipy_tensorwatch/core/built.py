"""Which statement of a cell built a node of a graph, and which ran after that."""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias

from .records import Site
from .statement import parse_statements

if TYPE_CHECKING:
    from collections.abc import Sequence

Built: TypeAlias = "Sequence[tuple[int, int]]"
"""The number that the next node had as a statement was entered, each with the statement, in the order of time."""


def find_builder(source: str, built: Built, sequence: int) -> Site | None:
    """Find the statement that built a node: the one that was entered last before its number was given.

    Examples
    --------
    >>> find_builder("y = x * x", [(4, 0)], 4).text
    'y = x * x'
    """
    place = _place(built, sequence)
    statement = next(islice(parse_statements(source), built[place][1], None), None) if place >= 0 else None
    return Site(line=statement.line, end_line=statement.end_line, text=statement.text) if statement else None


def statements_since(built: Built, sequence: int) -> list[int]:
    """Give the statements that ran from the one on that built a node, as often as they did.

    Examples
    --------
    >>> statements_since([(4, 0), (4, 1), (6, 2), (6, 1)], 5)
    [1, 2, 1]
    """
    return [index for _, index in islice(built, max(_place(built, sequence), 0), None)]


def _place(built: Built, sequence: int) -> int:
    return bisect_right(built, sequence, key=itemgetter(0)) - 1
