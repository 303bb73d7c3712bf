"""Name environment; subclasses resolve calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...records.path import AccessPath
from ...syntax.ast_queries import spell_item
from . import reference as to
from .reference import Reference, References

if TYPE_CHECKING:
    import ast

SENT = "yield"
"""The key of what a generator is sent; being a keyword, it is no name."""


class Scope:
    """The references of local names; every other name is a notebook variable."""

    def __init__(self, names: dict[str, References] | None = None) -> None:
        self.names = names or {}

    def look_up(self, name: str) -> References:
        """Return what a name refers to."""
        return self.names.get(name, (Reference(path=AccessPath(name)),))

    def step_of(self, key: ast.expr) -> str:
        """Return the step of an item, as typed."""
        return spell_item(key)

    def call(self, node: ast.Call) -> References | None:
        """Return what a call's result refers to; None if only a library's names can tell."""
        del node
        return None

    def iterated(self, refs: References) -> References:
        """Return the items of a loop over these objects."""
        return to.element(refs)

    def set_name(self, name: str, refs: References) -> None:
        """Bind a name."""
        self.names[name] = refs

    def closed(self, node: ast.Lambda) -> References:
        """Return what an anonymous function refers to."""
        del node
        return ()

    def stored(self, refs: References) -> References:
        """Add what the code stored at these paths."""
        return refs

    def child(self) -> Scope:
        """Return a scope for a comprehension's own names."""
        return Scope(dict(self.names))
