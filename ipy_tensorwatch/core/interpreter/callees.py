"""Find the notebook functions that a call runs."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ..records.path import AccessPath
from ..records.trace.notebook import Notebook, given_by_partial
from ..statements.aliases import reference as to
from ..statements.aliases.expression_aliases import trace
from ..statements.aliases.reference import Reference, References
from ..syntax.ast_queries import is_inplace_name, is_method, positional_names
from ..syntax.torch_vocabulary import FRESH, MEMBERS, PLAIN_CLASSES, SELVES, VIEWS
from .call_binding import Closure
from .source_index import Library

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .definitions import Function
    from .frame import Frame

_TENSORS_OWN = (
    FRESH | MEMBERS | SELVES | VIEWS | {"append", "extend", "update", "get", "pop", "items", "values", "step"}
)
RESUMING = ("send", "__next__")
"""The methods by which a generator goes on."""
_MOST_INSTANCES = 20
_SOMEBODY = (Reference(path=AccessPath("<self>")),)
"""The unknown object of a method that was taken off it."""


class Callees:
    """Finds notebook functions behind names, attributes and instances."""

    def __init__(self, notebook: Notebook) -> None:
        self.library = Library(notebook)
        self._closures: dict[str, Closure] = {}
        self._objects: dict[str, str] = {}

    def state(self) -> tuple[dict[str, Closure], dict[str, str]]:
        """Return the paths assigned to functions and objects without one, for `restore`."""
        return dict(self._closures), dict(self._objects)

    def restore(self, state: tuple[dict[str, Closure], dict[str, str]]) -> None:
        """Restore a state."""
        self._closures, self._objects = dict(state[0]), dict(state[1])

    def close(self, closure: Closure) -> References:
        """Return a function without a notebook path under a new path of its own."""
        node = closure.function.node
        root = f"<{closure.function.name} {closure.function.code.cell}:{node.lineno}:{node.col_offset}>"
        self._closures[root] = closure
        return (Reference(path=AccessPath(root)),)

    def class_of(self, one: Reference) -> str:
        """Return the class name of an object; empty if not known."""
        if not one.is_spelled:
            return ""
        made = "" if one.path.steps else self._objects.get(one.path.root, "")
        return made or self.library.class_of(one.path)

    def is_module(self, one: Reference) -> bool:
        """Return whether a reference leads to a module."""
        return self.library.kind_of(self.class_of(one)) == "module"

    def is_opaque(self, one: Reference) -> bool:
        """Return whether an object's class is a library's whose items are unknown."""
        name = self.class_of(one)
        return bool(name) and name not in PLAIN_CLASSES and self.library.class_node(name) is None

    def make(self, node: ast.Call, frame: Frame) -> References:
        """Return the new object that a call of a notebook class makes."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in frame.names or self.library.class_node(name) is None:
            return ()
        root = f"<{name} {frame.code.cell if frame.code else 0}:{node.lineno}:{node.col_offset}>"
        self._objects[root] = name
        return (Reference(path=AccessPath(root)),)

    def methods(self, one: Reference, name: str) -> list[Closure]:
        """Return a method of the object, or of the class, that a reference leads to."""
        found = self.library.method(self.class_of(one), name)
        if found is not None:
            return [_bound(found, (one,))]
        if one.path.steps or one.depth or self.library.class_node(one.path.root) is None:
            return []
        if name == "apply":
            return [Closure(each, given=((),)) for each in (self.library.method(one.path.root, "forward"),) if each]
        found = self.library.method(one.path.root, name)
        return [] if found is None else [_bound(found, (one,)) if found.is_marked("classmethod") else Closure(found)]

    def at(self, one: Reference, *, called: bool = True) -> list[Closure]:
        """Return the functions that calling the object behind a reference runs."""
        if one.depth:
            return []
        made = self._closures.get(str(one.path))
        given, name = given_by_partial(self.class_of(one))
        function = self.library.function(str(one.path)) or self.library.function(name)
        if made is not None:
            return [made]
        if function is not None:
            myself = (_SOMEBODY,) if _first_parameter(function) == "self" else ()
            return [Closure(function, given=(*myself, *((),) * given))]
        method = (self.library.method(name, "__call__") or self.library.method(name, "forward")) if called else None
        return [] if method is None else [_bound(method, (one,))]

    def resumed(self, one: Reference) -> list[Closure]:
        """Return the function that a generator goes on running: it began with arguments not known here."""
        function = self.library.function(self.class_of(one)) if not one.depth else None
        return [Closure(function)] if function is not None else []

    def find(self, func: ast.expr, frame: Frame) -> list[Closure]:
        """Return the functions that calling an expression runs."""
        if not isinstance(func, ast.Attribute):
            return [each for one in trace(func, frame) for each in self.at(one)]
        if isinstance(func.value, ast.Call) and isinstance(func.value.func, ast.Name) and func.value.func.id == "super":
            return self._above(func.attr, frame)
        owner = trace(func.value, frame)
        found = [each for one in owner for each in self.methods(one, func.attr)] or self._own(func, owner, frame)
        found += [] if is_tensor_method(func) else self._of_parts(func.attr, owner)
        plain = frame.stored(to.member(owner, func.attr))
        return found or [each for one in plain for each in self.at(one)] or self._only(func, owner)

    def _above(self, name: str, frame: Frame) -> list[Closure]:
        function = frame.function
        if function is None or not function.owner:
            return []
        myself = frame.look_up(_first_parameter(function))
        classes = [each for one in myself if (each := self.class_of(one))] or [function.owner]
        found = (self.library.method(each, name, above=function.owner) for each in classes)
        return [_bound(each, myself) for each in found if each is not None]

    def _own(self, func: ast.Attribute, owner: References, frame: Frame) -> list[Closure]:
        function = frame.function
        if function is None or not isinstance(func.value, ast.Name) or func.value.id != _first_parameter(function):
            return []
        found = self.library.method(function.owner, func.attr)
        return [] if found is None else [_bound(found, owner)]

    def _of_parts(self, name: str, owner: References) -> list[Closure]:
        """Return the methods of the parts of a module that a loop leads to: `for m in net.modules(): m.merge()`."""
        parts = tuple(one for one in owner if one.below and one.sure)
        classes = dict.fromkeys(each for one in parts for _, each in self.library.behind(one.path))
        methods = dict.fromkeys(self.library.method(each, name) for each in classes)
        return [_bound(each, parts) for each in methods if each is not None]

    def _only(self, func: ast.Attribute, owner: References) -> list[Closure]:
        if is_tensor_method(func) or not is_method(func) or not owner or any(self.class_of(one) for one in owner):
            return []
        found = self.library.only_method(func.attr)
        return [] if found is None else [_bound(found, owner)]

    def instances(self, one: Reference) -> Iterator[Reference]:
        """Yield the instances of notebook classes at or behind a reference."""
        plain = one._replace(depth=0)
        if self.library.class_node(self.class_of(plain)) is not None:
            yield plain
        elif not one.sealed and self.library.class_node(str(one.path)) is None:
            found = [path for path, name in self.library.behind(one.path) if self.library.class_node(name) is not None]
            yield from (plain._replace(path=path, below=False) for path in found[:_MOST_INSTANCES])

    def functions_behind(self, one: Reference) -> list[Closure]:
        """Return the notebook functions that an object holds, such as hooks and callbacks."""
        if one.sealed or one.depth:
            return []
        names = [name for path, name in self.library.behind(one.path) if path != one.path]
        made = ((self.library.function(name), given) for given, name in map(given_by_partial, names))
        return [Closure(each, given=((),) * given) for each, given in made if each is not None][:_MOST_INSTANCES]


def is_tensor_method(func: ast.expr) -> bool:
    """Return whether a function is a method of tensors or of containers, which calls nothing of the notebook."""
    return isinstance(func, ast.Attribute) and (func.attr in _TENSORS_OWN or is_inplace_name(func.attr))


def _bound(method: Function, myself: References) -> Closure:
    return Closure(method) if method.is_marked("staticmethod") else Closure(method, given=(myself,))


def _first_parameter(function: Function) -> str:
    return next(iter(positional_names(function.node.args)), "")
