"""Whether the code around a module writes to the output that its hooks were given, or the module to its input."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from ...interpreter.interpret_body import body_of
from ...statements.writes.statement_writes import written_roots
from ...syntax.ast_queries import is_inplace_name, is_true, keyword, last_name, positional_names
from ...syntax.parsing import parse_path, walk_statements
from ...syntax.syntax_tree import find_nodes, names_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ...interpreter.definitions import Function, FunctionNode
    from ...interpreter.source_index import Library

_NUMBER = re.compile(r"\[(\d+)\]")


def is_output_written(library: Library, spelled: str) -> bool:
    """Return whether what a module gives back is written in place by the module that calls it.

    That is the next layer of a `Sequential`, or a line of the `forward` of a class of the notebook.
    """
    path = parse_path(spelled)
    if not path.steps:
        return False
    parent, inplace = path.owner, library.notebook.inplace
    name, number = library.class_of(parent), _NUMBER.fullmatch(path.steps[-1])
    if name == "Sequential" and number:
        return f"{parent}[{int(number[1]) + 1}]" in inplace
    forward = library.method(name, "forward")
    start = f"{parent}."
    layers = {one.removeprefix(start) for one in inplace if one.startswith(start)}
    return forward is not None and _Outputs(path.steps[-1].lstrip("."), layers).are_written_in(forward)


def is_input_written(library: Library, spelled: str) -> bool:
    """Return whether a module writes to what it is given: one in place, or of a class of the notebook."""
    forward = library.method(library.class_of(parse_path(spelled)), "forward")
    return spelled in library.notebook.inplace or (
        forward is not None and writes_argument(forward.node, positional_names(forward.node.args)[1:2])
    )


def writes_argument(function: FunctionNode, arguments: Iterable[str]) -> bool:
    """Return whether a function writes in place to one of some arguments, as long as its name leads to it."""
    names = {*arguments}
    for node in walk_statements(body_of(function)):
        if not names.isdisjoint(written_roots(node)):
            return True
        for target in getattr(node, "targets", ()):
            names -= names_in(target)
    return False


class _Outputs:
    """What one layer gives back, under the names of the function that calls it."""

    def __init__(self, layer: str, inplace: Collection[str]) -> None:
        self._layer, self._inplace = layer, inplace
        self._names = set[str]()

    def are_written_in(self, function: Function) -> bool:
        """Return whether a statement writes to one, its header alone looked at."""
        for node in walk_statements(body_of(function.node)):
            if any(map(self._is_written_by, find_nodes(ast.Call, node))):
                return True
            match node:
                case ast.AugAssign(target=ast.Name(id=name)) if name in self._names:
                    return True
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._names = self._names | {name} if self._is_one(value) else self._names - {name}
        return False

    def _is_one(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self._names
        return isinstance(node, ast.Call) and _layer_of(node) == self._layer

    def _is_written_by(self, node: ast.Call) -> bool:
        name = last_name(node.func)
        is_inplace = _layer_of(node) in self._inplace or is_true(keyword(node, "inplace")) or is_inplace_name(name)
        of = node.func.value if isinstance(node.func, ast.Attribute) else node.func
        given = [*node.args[:1], of] if is_inplace_name(name) else node.args[:1]
        return is_inplace and any(map(self._is_one, given))


def _layer_of(node: ast.Call) -> str:
    """Return the name of the layer that is called: `relu` of `self.relu(x)`."""
    spelled = ast.unparse(node.func)
    return spelled.removeprefix("self.") if spelled.startswith("self.") else ""
