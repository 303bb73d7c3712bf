"""What the analysis may know of a running notebook: the sources of its functions, and what its paths lead to."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .path import ANY_ITEM, AccessPath
from .source import enclosing_names, find_definition, parse_cell, parse_path

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """The cell that defines a function or a class, as plain Python."""

    name: str
    cell: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """What the analysis may know of a running notebook, as plain values.

    Attributes
    ----------
    definitions
        The functions and classes that its cells define, by name.
    classes
        For the text of an access path, the name of the class of what it leads to, or of the function that it leads to.
    inplace
        The access paths of modules that write to what they are called with, or to their own parameters.
    """

    definitions: Mapping[str, Definition] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    inplace: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Code:
    """A cell's lines, and how many of its lines lie before the first of them."""

    cell: int
    lines: tuple[str, ...]
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Function:
    """A function's node and the cell that it stands in.

    Attributes
    ----------
    owner
        The class that it is a method of.
    hidden
        The names of the functions around it, whose values no path of the notebook spells.
    """

    name: str
    node: FunctionNode
    code: Code
    owner: str = ""
    hidden: frozenset[str] = frozenset()

    def decorators(self) -> Iterator[str]:
        """Give the names of the functions that decorate it."""
        for one in getattr(self.node, "decorator_list", ()):
            yield ast.unparse(one.func if isinstance(one, ast.Call) else one)

    def is_marked(self, *names: str) -> bool:
        """Tell whether a decorator of one of these names stands over it."""
        return any(part in names for one in self.decorators() for part in one.split("."))


class Library:
    """Finds the functions and classes that a notebook defines, each parsed once."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self._trees: dict[str, ast.Module | None] = {}
        self._paths = {text: parse_path(text) for text in notebook.classes}
        self.inplace = tuple(parse_path(text) for text in sorted(notebook.inplace))

    def function(self, name: str) -> Function | None:
        """Find a function that the notebook defines, a named lambda too."""
        found = self._find(name)
        if found is None or isinstance(found, ast.ClassDef):
            return None
        tree = self._parse(self.notebook.definitions[name].source)
        return Function(name, found, self._code(name), hidden=enclosing_names(tree, found) if tree else frozenset())

    def class_node(self, name: str) -> ast.ClassDef | None:
        """Find a class that the notebook defines."""
        found = self._find(name)
        return found if isinstance(found, ast.ClassDef) else None

    def method(self, owner: str, name: str, *, above: str = "") -> Function | None:
        """Find a method of a class or of its bases; with `above`, only past that class, as `super()` does."""
        lineage = list(self._lineage(owner, set()))
        for one in lineage[lineage.index(above) + 1 :] if above in lineage else lineage:
            for node in self._members(one):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
                    return Function(f"{one}.{name}", node, self._code(one), one)
        return None

    def methods(self, owner: str) -> Iterator[Function]:
        """Give the methods of a class and of its bases."""
        names = [node.name for one in self._lineage(owner, set()) for node in self._members(one)
                 if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        found = (self.method(owner, name) for name in dict.fromkeys(names))
        yield from (one for one in found if one is not None)

    def fields(self, owner: str) -> list[str]:
        """Give the fields that a class of records declares."""
        node = self.class_node(owner)
        body = [] if node is None else node.body
        return [one.target.id for one in body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]

    def only_method(self, name: str) -> Function | None:
        """Find the one method of this name in all of the notebook's classes."""
        found = {one.node: one for each in self.notebook.definitions if self.class_node(each)
                 for one in (self.method(each, name),) if one is not None}
        return next(iter(found.values())) if len(found) == 1 else None

    def class_of(self, path: AccessPath) -> str:
        """Tell the class of what a path leads to, "" where it is not known."""
        exact = self.notebook.classes.get(str(path))
        if exact is not None or ANY_ITEM not in path.steps:
            return exact or ""
        return next((self.notebook.classes[text] for text, one in self._paths.items()
                     if len(one.steps) == len(path.steps) and path.leads_to(one)), "")

    def behind(self, path: AccessPath) -> Iterator[tuple[AccessPath, str]]:
        """Give the paths that lie at or behind this one, with their classes."""
        yield from ((one, self.notebook.classes[text]) for text, one in self._paths.items() if path.leads_to(one))

    def _lineage(self, name: str, seen: set[str]) -> Iterator[str]:
        node = self.class_node(name)
        if node is None or name in seen:
            return
        seen.add(name)
        yield name
        for base in node.bases:
            yield from self._lineage(ast.unparse(base), seen)

    def _members(self, name: str) -> list[ast.stmt]:
        node = self.class_node(name)
        return [] if node is None else node.body[::-1]

    def _code(self, name: str) -> Code:
        definition = self.notebook.definitions[name]
        return Code(definition.cell, tuple(definition.source.split("\n")))

    def _find(self, name: str) -> ast.ClassDef | FunctionNode | None:
        definition = self.notebook.definitions.get(name)
        tree = None if definition is None else self._parse(definition.source)
        return None if definition is None or tree is None else find_definition(tree, definition.name.split(".")[-1])

    def _parse(self, source: str) -> ast.Module | None:
        if source not in self._trees:
            self._trees[source] = parse_cell(source)
        return self._trees[source]
