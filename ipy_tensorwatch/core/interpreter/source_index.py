"""Find what a notebook defines, each source parsed once."""

from __future__ import annotations

import ast
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from ..records.path import ANY_ITEM, AccessPath
from ..runtime.grouped import grouped
from ..syntax.ast_queries import last_name
from ..syntax.parsing import enclosing_names, find_definition, find_lambda, parse_cell, parse_path
from ..syntax.torch_vocabulary import OPTIMIZERS
from .definitions import ClassKind, Code, Function, FunctionNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..records.trace.notebook import Notebook

_parse_path = lru_cache(maxsize=16_384)(parse_path)


class Library:
    """Finds the functions and classes of a notebook, each parsed once."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self._trees: dict[str, ast.Module | None] = {}
        self._functions: dict[str, Function | None] = {}
        self._classes: dict[str, ast.ClassDef | None] = {}
        self._methods: dict[tuple[str, str, str], Function | None] = {}
        self._only: dict[str, Function | None] = {}
        self._kinds: dict[str, ClassKind] = {}
        self._inplace = _by_root(notebook.inplace)
        self.paths = _by_root(notebook.classes)
        self._modules = {notebook.classes.get(one, "") for one in notebook.modules} - {""}
        made = {notebook.classes.get(one, "") for one in notebook.optimizers} - {""}
        self._optimizers = made | OPTIMIZERS | {"Optimizer"}

    def function(self, name: str) -> Function | None:
        """Return a function, or named lambda, that the notebook defines."""
        if name not in self._functions:
            found = self._find(name)
            self._functions[name] = (
                None if found is None or isinstance(found, ast.ClassDef) else self._describe(name, found)
            )
        return self._functions[name]

    def _describe(self, name: str, node: FunctionNode) -> Function:
        tree = self._parse(self.notebook.definitions[name].source)
        return Function(name, node, self._code(name), hidden=enclosing_names(tree, node) if tree else frozenset())

    def class_node(self, name: str) -> ast.ClassDef | None:
        """Return a class that the notebook defines."""
        if name not in self._classes:
            found = self._find(name)
            self._classes[name] = found if isinstance(found, ast.ClassDef) else None
        return self._classes[name]

    def method(self, owner: str, name: str, *, above: str = "") -> Function | None:
        """Return a method of a class or of its bases; with `above`, only of classes after it, as for `super()`."""
        key = owner, name, above
        if key not in self._methods:
            self._methods[key] = self._find_method(owner, name, above)
        return self._methods[key]

    def methods(self, owner: str) -> Iterator[Function]:
        """Yield the methods of a class and of its bases."""
        names = [
            node.name
            for one in self._lineage(owner, set())
            for node in self._members(one)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        found = (self.method(owner, name) for name in dict.fromkeys(names))
        yield from (one for one in found if one is not None)

    def _find_method(self, owner: str, name: str, above: str) -> Function | None:
        lineage = list(self._lineage(owner, set()))
        for one in lineage[lineage.index(above) + 1 :] if above in lineage else lineage:
            for node in self._members(one):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
                    return Function(f"{one}.{name}", node, self._code(one), one)
        return None

    def accessor(self, owner: str, name: str, *marks: str) -> Function | None:
        """Return the function of a property that has one of some decorators: `property`, or `setter`."""
        for one in self._lineage(owner, set()):
            for node in self._members(one):
                if isinstance(node, ast.FunctionDef) and node.name == name:
                    found = Function(f"{one}.{name}", node, self._code(one), one)
                    if found.is_marked(*marks):
                        return found
        return None

    def kind_of(self, name: str) -> ClassKind:
        """Return whether a class is a module's or an optimizer's; one with `step` and `zero_grad` counts as such."""
        if name not in self._kinds:
            self._kinds[name] = self._find_kind(name)
        return self._kinds[name]

    def _find_kind(self, name: str) -> ClassKind:
        bases = [ast.unparse(base) for one in self._lineage(name, set()) for base in self._bases(one)]
        if name in self._modules or any(_is_module(base) or base in self._modules for base in bases):
            return "module"
        if name in self._optimizers or any(base.split(".")[-1] in self._optimizers for base in bases):
            return "optimizer"
        return "optimizer" if self.method(name, "step") and self.method(name, "zero_grad") else ""

    def _bases(self, name: str) -> list[ast.expr]:
        node = self.class_node(name)
        return [] if node is None else node.bases

    def fields(self, owner: str) -> dict[str, ast.expr | None]:
        """Return the fields that a dataclass-like class declares, each with its default value."""
        node = self.class_node(owner)
        declared = [one for one in node.body if isinstance(one, ast.AnnAssign)] if node else []
        return {one.target.id: one.value for one in declared if isinstance(one.target, ast.Name)}

    def tuple_fields(self, owner: str) -> list[str]:
        """Return the fields of a class of named tuples; none of every other class."""
        for base in self._bases(owner):
            if ast.unparse(base).split(".")[-1] == "NamedTuple":
                return [*self.fields(owner)]
            if isinstance(base, ast.Call) and last_name(base.func) == "namedtuple" and len(base.args) > 1:
                return names_of_fields(base.args[1])
        return []

    def only_method(self, name: str) -> Function | None:
        """Return the only method of this name in all notebook classes."""
        if name not in self._only:
            written = f"def {name}"
            owners = (each for each, one in self.notebook.definitions.items() if written in one.source)
            methods = (self.method(each, name) for each in owners if self.class_node(each))
            found = {one.node: one for one in methods if one is not None}
            self._only[name] = next(iter(found.values())) if len(found) == 1 else None
        return self._only[name]

    def class_of(self, path: AccessPath) -> str:
        """Return the class name of what a path leads to; empty if not known."""
        exact = self.notebook.classes.get(str(path))
        if exact is not None or ANY_ITEM not in path.steps:
            return exact or ""
        alike = (one for one in self.paths.get(path.root, ()) if len(one.steps) == len(path.steps))
        return next((self.notebook.classes[str(one)] for one in alike if path.leads_to(one)), "")

    def behind(self, path: AccessPath) -> Iterator[tuple[AccessPath, str]]:
        """Yield the paths at or behind this one, with their classes."""
        inner = (one for one in self.paths.get(path.root, ()) if path.leads_to(one))
        yield from ((one, self.notebook.classes[str(one)]) for one in inner)

    def children(self, path: AccessPath) -> list[AccessPath]:
        """Return the modules that a module holds itself, by number or by name, in its order."""
        inner = (one for one, _ in self.behind(path) if len(one.steps) == len(path.steps) + 1)
        return sorted((one for one in inner if str(one) in self.notebook.modules), key=self._place)

    def _place(self, path: AccessPath) -> int:
        return self._places[str(path)]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {text: place for place, text in enumerate(self.notebook.classes)}

    def inplace_behind(self, path: AccessPath) -> list[AccessPath]:
        """Return the modules at or behind a path that write in place."""
        return [one for one in self._inplace.get(path.root, ()) if path.leads_to(one)]

    def _lineage(self, name: str, seen: set[str]) -> Iterator[str]:
        if self.class_node(name) is None or name in seen:
            return
        seen.add(name)
        yield name
        for base in self._bases(name):
            yield from self._lineage(ast.unparse(base), seen)

    def _members(self, name: str) -> list[ast.stmt]:
        node = self.class_node(name)
        return [] if node is None else node.body[::-1]

    def _code(self, name: str) -> Code:
        definition = self.notebook.definitions[name]
        return Code.of(definition.cell, definition.source, definition.offset)

    def _find(self, name: str) -> ast.ClassDef | FunctionNode | None:
        definition = self.notebook.definitions.get(name)
        tree = None if definition is None else self._parse(definition.source)
        if definition is None or tree is None:
            return None
        made = find_lambda(tree, definition.name, definition.offset)
        return made or find_definition(tree, definition.name.split(".")[-1])

    def _parse(self, source: str) -> ast.Module | None:
        if source not in self._trees:
            self._trees[source] = parse_cell(source)
        return self._trees[source]


def names_of_fields(node: ast.expr) -> list[str]:
    """Return the names that `namedtuple` is given: in one text, or as texts in a list; none if they are not known."""
    try:
        given = ast.literal_eval(node)
    except ValueError:
        return []
    return given.replace(",", " ").split() if isinstance(given, str) else [*map(str, given)]


def _is_module(base: str) -> bool:
    return base.startswith(("nn.", "torch.nn.")) or base.endswith("Module")


def _by_root(texts: Iterable[str]) -> dict[str, list[AccessPath]]:
    return grouped(map(_parse_path, sorted(texts)), lambda one: one.root)
