"""The lines of the notebook's functions and methods that a statement may run, by name."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from ..records.report_parts import Inner
from ..syntax.ast_queries import last_name
from ..syntax.parsing import DEFINITIONS, find_definition, parse_cell
from ..syntax.statement_text import spell_header
from ..syntax.syntax_tree import all_nodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..records.trace.notebook import Definition, Notebook
    from ..statements.statement import Statement

_STEP = re.compile(r"[.\[]")


class ReachedLine(NamedTuple):
    """A line of a function, and the function's name and first line."""

    inner: Inner
    node: ast.stmt
    function: str
    begins: int


class _Reading(NamedTuple):
    """A definition's lines, and what its names lead to."""

    names: frozenset[str]
    lines: list[ReachedLine]


class DefinitionReader:
    """Reads the definitions of a notebook, each once."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._readings: dict[str, _Reading] = {}

    def reached(self, statement: Statement, node: ast.stmt) -> Iterator[ReachedLine]:
        """Yield the lines of the definitions that a statement may run, by name or as the class of what it mentions."""
        names = {*_names(node), *_classes(map(str, statement.mentions), self._notebook)}
        seen: set[str] = set()
        while names:
            name = names.pop()
            if name not in seen and name in self._notebook.definitions:
                seen.add(name)
                if name not in self._readings:
                    self._readings[name] = _read(self._notebook.definitions[name], self._notebook)
                names |= self._readings[name].names
                yield from self._readings[name].lines


def _read(definition: Definition, notebook: Notebook) -> _Reading:
    functions = _functions(definition)
    inside = {one for function in functions for one in _names(function)}
    return _Reading(frozenset({*inside, *_classes(inside, notebook)}), [*_lines(definition, functions)])


def _classes(mentioned: Iterable[str], notebook: Notebook) -> Iterator[str]:
    """Yield the names of the classes and functions that some paths lead to."""
    known = {*mentioned}
    return (name for path, name in notebook.classes.items() if is_below(path, known))


def is_below(path: str, mentioned: set[str]) -> bool:
    """Return whether a spelled path is one of these, or lies behind one."""
    return path in mentioned or any(path[: step.start()] in mentioned for step in _STEP.finditer(path))


def _names(node: ast.AST) -> Iterator[str]:
    return (last_name(part) for part in all_nodes(node) if isinstance(part, ast.Name | ast.Attribute))


def _functions(definition: Definition) -> list[ast.AST]:
    """Return a function, or the methods of a class that run when it is used."""
    tree = parse_cell(definition.source)
    node = None if tree is None else find_definition(tree, definition.name)
    if isinstance(node, ast.ClassDef):
        return [one for one in node.body if isinstance(one, DEFINITIONS) and one.name != "__init__"]
    return [] if node is None else [node]


def _lines(definition: Definition, functions: Iterable[ast.AST]) -> Iterator[ReachedLine]:
    lines = definition.source.split("\n")
    for function in functions:
        for node in all_nodes(function):
            if isinstance(node, ast.stmt) and not isinstance(node, DEFINITIONS):
                text = spell_header(node, lines)
                inner = Inner(cell=definition.cell, line=node.lineno + definition.offset, text=text)
                begins = getattr(function, "lineno", 0) + definition.offset
                yield ReachedLine(inner, node, getattr(function, "name", definition.name), begins)
