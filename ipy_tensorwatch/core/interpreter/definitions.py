"""Functions of the notebook, as nodes of the cells that define them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Code:
    """A cell's lines, and the number of cell lines before the first of them."""

    cell: int
    lines: tuple[str, ...]
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Function:
    """A function's node and the cell that defines it.

    Attributes
    ----------
    owner
        The class of a method.
    hidden
        The names of enclosing functions, whose values have no notebook path.
    """

    name: str
    node: FunctionNode
    code: Code = field(compare=False)
    owner: str = ""
    hidden: frozenset[str] = frozenset()

    def decorators(self) -> Iterator[str]:
        """Yield the names of its decorators."""
        for one in getattr(self.node, "decorator_list", ()):
            yield ast.unparse(one.func if isinstance(one, ast.Call) else one)

    def is_marked(self, *names: str) -> bool:
        """Return whether it has a decorator of one of these names."""
        return any(part in names for one in self.decorators() for part in one.split("."))
