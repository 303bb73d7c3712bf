"""What names refer to while a notebook function is interpreted."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Protocol

from ..records.path import ANY_ITEM, AccessPath
from ..statements.aliases.reference import Reference, References, union
from ..statements.aliases.scope import Scope
from ..syntax.ast_queries import is_plain_key, is_slice, spell_item
from .definitions import Code, Function

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..statements.writes.call_writes import NamedWrite


class Reader(Protocol):
    """The interpreter, as a frame uses it for everything outside the frame."""

    def call(self, node: ast.Call, frame: Frame) -> References | None:
        """Interpret a call; None if only a library's names can tell what its result refers to."""

    def read(self, refs: References) -> References:
        """Interpret the code that reading these paths runs, and add what the code stored there."""

    def iterate(self, refs: References) -> References:
        """Interpret iteration over these objects, and return the items."""

    def operate(self, refs: References, name: str, others: References) -> References:
        """Interpret a method that an operator or a `with` runs."""

    def assign(self, refs: References, name: str, value: References) -> None:
        """Interpret the assignment to an attribute, and the setter that it runs."""

    def store(self, refs: References, step: str, value: References) -> None:
        """Record what is stored at an item or attribute."""

    def close(self, function: Function, frame: Frame) -> References:
        """Return a nested function under a path of its own."""

    def note(self, frame: Frame, write: NamedWrite) -> None:
        """Record a write by the frame's current statement."""

    def give(self) -> None:
        """Record that the function that runs gives something back."""

    def keep_time(self) -> None:
        """Raise if the deadline has passed."""


class Frame(Scope):
    """One run of a function's body, or of a cell's statements outside functions."""

    def __init__(
        self,
        reader: Reader,
        names: dict[str, References] | None = None,
        *,
        code: Code | None = None,
        function: Function | None = None,
        around: Frame | None = None,
    ) -> None:
        super().__init__(names)
        self.reader, self.code, self.function, self.around = reader, code, function, around
        self.keys: Mapping[str, str] = {}
        self.node: ast.stmt = ast.Pass()
        self.results: References = ()
        self.known: dict[ast.Call, References | None] = {}

    def step_of(self, key: ast.expr) -> str:
        """Return the step of an item: a constant, or a parameter that was given one; else any item."""
        if isinstance(key, ast.Name) and key.id in self.keys:
            return self.keys[key.id]
        return spell_item(key) if is_slice(key) or is_plain_key(key) else ANY_ITEM

    def look_up(self, name: str) -> References:
        """Return what a name refers to: a local, an enclosing function's local, or a notebook variable."""
        if name in self.names:
            return self.names[name]
        if self.around is not None:
            return self.around.look_up(name)
        if self.function is not None and name in self.function.hidden:
            return (Reference(path=AccessPath(f"<{name}>")),)
        return self.reader.read(super().look_up(name))

    def set_name(self, name: str, refs: References) -> None:
        """Bind a name; a notebook variable stays reachable by its own path too."""
        own = () if self.function is not None else (Reference(path=AccessPath(name)),)
        self.names[name] = union(own, refs)

    def give(self, refs: References) -> None:
        """Return or yield a value."""
        self.results = union(self.results, refs)
        self.reader.give()

    def child(self) -> Frame:
        """Return a scope for a comprehension's own names."""
        inside = self.branch()
        inside.node = self.node
        return inside

    def branch(self) -> Frame:
        """Return a scope for a block that may or may not run."""
        inside = Frame(self.reader, dict(self.names), code=self.code, function=self.function, around=self.around)
        inside.keys = self.keys
        return inside

    def join(self, other: Frame) -> None:
        """Merge the bindings of a block that may have run."""
        self.results = union(self.results, other.results)
        for name, refs in other.names.items():
            self.names[name] = union(self.names.get(name, ()), refs)

    def call(self, node: ast.Call) -> References | None:
        """Interpret a call, once each time its statement runs."""
        if node not in self.known:
            self.known[node] = None
            self.known[node] = self.reader.call(node, self)
        return self.known[node]

    def stored(self, refs: References) -> References:
        """Add what the code stored at these paths, and interpret what reading them runs."""
        return self.reader.read(refs)

    def iterated(self, refs: References) -> References:
        """Return the items of a loop over these objects."""
        return self.reader.iterate(refs)

    def closed(self, node: ast.Lambda) -> References:
        """Return a lambda under a path of its own."""
        return self.define("<lambda>", node)

    def define(self, name: str, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> References:
        """Return a function that this code defines under a path of its own."""
        owner = self.function.owner if self.function else ""
        return self.reader.close(Function(name, node, self.code or Code(0, ()), owner), self)
