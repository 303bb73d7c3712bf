"""Map (file, line) to cell and statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..records.report_parts import Inner, Place
from ..runtime.record import field, mutable
from .ast_queries import covers_line
from .magic_calls import MAGIC_CALL, find_body
from .parsing import parse_body, parse_cell, statements_around
from .statement_text import header_end, spell_header

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterator, Mapping


@mutable
class Listing:
    """Finds the statement of a line.

    Attributes
    ----------
    cells
        The execution count of the cell of each file name.
    source
        Returns the source of a file name.
    """

    cells: Mapping[str, int]
    source: Callable[[str], str]
    _trees: dict[str, tuple[ast.Module | None, list[str]]] = field(default_factory=dict)
    _offsets: dict[str, int] = field(default_factory=dict)

    def line(self, place: Place) -> Inner | None:
        """Return the innermost statement on a line by its first line, and its text; None if the cell is not known."""
        name, line = place
        cell = self.cells.get(name)
        if cell is None:
            return None
        if name not in self._trees:
            source = self.source(name)
            self._trees[name] = parse_cell(source), source.split("\n")
        first, text = _innermost(*self._trees[name], line)
        return Inner(cell=cell, line=first + self.above(name), text=text)

    def above(self, name: str) -> int:
        """Return the number of cell lines above code that a magic ran, which is compiled as its own file."""
        if name not in self._offsets:
            others = [other for other, cell in self.cells.items() if cell == self.cells[name] and other != name]
            found = (above for other in others for above in _offsets(self.source(other), self.source(name)))
            self._offsets[name] = next(found, 0)
        return self._offsets[name]


def _offsets(outer: str, inner: str) -> Iterator[int]:
    for node in parse_body(outer) if MAGIC_CALL in outer else ():
        body = find_body(node)
        if body is not None and body.source.strip() == inner.strip():
            yield body.offset + _blank_lines(body.source) - _blank_lines(inner)


def _blank_lines(source: str) -> int:
    return source[: len(source) - len(source.lstrip())].count("\n")


def _innermost(tree: ast.Module | None, lines: list[str], line: int) -> tuple[int, str]:
    """Return the first line and the text of the innermost statement on a line; a compound statement's header only."""
    found = [] if tree is None else statements_around(tree.body, lambda one: covers_line(one, line))
    around = [one for one in found if line <= header_end(one, lines)[0]]
    if not around:
        return line, ""
    node = max(around, key=lambda one: (one.lineno, one.col_offset))
    return node.lineno, spell_header(node, lines)
