"""Functions of the notebook, as nodes of the cells that define them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..runtime.record import field, record
from ..syntax.name_promises import promises_to_read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..records.path import AccessPath

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
ClassKind = Literal["", "module", "optimizer"]


@record(kw_only=False)
class Code:
    """A cell's lines, and the number of cell lines before the first of them."""

    cell: int
    lines: tuple[str, ...]
    offset: int = 0

    @classmethod
    def of(cls, cell: int, text: str, offset: int = 0) -> Code:
        """Return the code of a text."""
        return cls(cell, tuple(text.split("\n")), offset)

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


@record(kw_only=False)
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


class RunningFunction(NamedTuple):
    """A notebook function that runs.

    Attributes
    ----------
    owners
        The access paths of the object whose method it is; empty for a plain function, or if they are not known.
    kind
        What the object is.
    function
        Its definition; None of a library's module.
    """

    name: str
    owners: tuple[AccessPath, ...] = ()
    kind: ClassKind = ""
    is_method: bool = False
    function: Function | None = None

    @property
    def is_called(self) -> bool:
        """Whether it is a module's method that promises not to change the module, such as `forward` and `eval`."""
        return self.kind == "module" and (self.name == "forward" or promises_to_read(self.name, of_module=True))
