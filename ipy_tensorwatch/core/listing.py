"""The cells of a notebook, line by line, as the file names of their code lead to them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .excerpt import header_end, spell
from .records import Inner
from .source import parse_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .operation import Place


@dataclass(slots=True)
class Listing:
    """Tells the statement that a line belongs to.

    Attributes
    ----------
    cells
        The execution count of the cell behind each file name.
    source
        Gives the source behind a file name.
    """

    cells: Mapping[str, int]
    source: Callable[[str], str]
    _spelled: dict[str, dict[int, tuple[int, str]]] = field(default_factory=dict)

    def line(self, place: Place) -> Inner | None:
        """Tell the innermost statement on a line by its first line, and its text; None where no cell is known."""
        name, line = place
        cell = self.cells.get(name)
        if cell is None:
            return None
        if name not in self._spelled:
            self._spelled[name] = dict(_lines(self.source(name)))
        first, text = self._spelled[name].get(line, (line, ""))
        return Inner(cell=cell, line=first, text=text)


def _lines(source: str) -> Iterator[tuple[int, tuple[int, str]]]:
    """Spell the innermost statement on each line, with its first line; of a compound statement the header alone."""
    tree, lines = parse_cell(source), source.split("\n")
    nodes = [] if tree is None else [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    for node in sorted(nodes, key=lambda one: (one.lineno, one.col_offset)):
        end, column = header_end(node, lines)
        text = spell(node, lines, node.lineno, end, column)
        yield from ((line, (node.lineno, text)) for line in range(node.lineno, end + 1))
