"""The cells of a notebook, line by line, as the file names of their code lead to them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .excerpt import header_end, spell
from .magic import MAGIC_CALL, find_body
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
    _offsets: dict[str, int] = field(default_factory=dict)

    def line(self, place: Place) -> Inner | None:
        """Tell the innermost statement on a line by its first line, and its text; None where no cell is known."""
        name, line = place
        cell = self.cells.get(name)
        if cell is None:
            return None
        if name not in self._spelled:
            self._spelled[name] = dict(_lines(self.source(name)))
        first, text = self._spelled[name].get(line, (line, ""))
        return Inner(cell=cell, line=first + self.above(name), text=text)

    def above(self, name: str) -> int:
        """Count the lines of the cell that lie above code which a magic ran: that is compiled as a file of its own."""
        if name not in self._offsets:
            others = [other for other, cell in self.cells.items() if cell == self.cells[name] and other != name]
            found = (above for other in others for above in _offsets(self.source(other), self.source(name)))
            self._offsets[name] = next(found, 0)
        return self._offsets[name]


def _offsets(outer: str, inner: str) -> Iterator[int]:
    tree = parse_cell(outer) if MAGIC_CALL in outer else None
    for node in tree.body if tree else ():
        body = find_body(node)
        if body is not None and body.source.strip() == inner.strip():
            yield body.offset + _blank_lines(body.source) - _blank_lines(inner)


def _blank_lines(source: str) -> int:
    return source[: len(source) - len(source.lstrip())].count("\n")


def _lines(source: str) -> Iterator[tuple[int, tuple[int, str]]]:
    """Spell the innermost statement on each line, with its first line; of a compound statement the header alone."""
    tree, lines = parse_cell(source), source.split("\n")
    nodes = [] if tree is None else [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    for node in sorted(nodes, key=lambda one: (one.lineno, one.col_offset)):
        end, column = header_end(node, lines)
        text = spell(node, lines, node.lineno, end, column)
        yield from ((line, (node.lineno, text)) for line in range(node.lineno, end + 1))
