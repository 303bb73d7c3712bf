"""What names lead to, and where everything is asked that the text of one expression cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.path import AccessPath
from . import reference as to
from .reference import Reference, References

if TYPE_CHECKING:
    import ast


class Scope:
    """What local names lead to; every other name is a variable of the notebook."""

    def __init__(self, names: dict[str, References] | None = None) -> None:
        self.names = names or {}

    def look_up(self, name: str) -> References:
        """Return where a name leads."""
        return self.names.get(name, (Reference(path=AccessPath(name)),))

    def call(self, node: ast.Call) -> References | None:
        """Return where the result of a call leads, or None where nothing but the names of libraries can tell."""
        del node
        return None

    def iterated(self, refs: References) -> References:
        """Return where the items lead that a loop over these objects gives."""
        return to.element(refs)

    def set_name(self, name: str, refs: References) -> None:
        """Bind a name."""
        self.names[name] = refs

    def closed(self, node: ast.Lambda) -> References:
        """Return where a function without a name leads."""
        del node
        return ()

    def stored(self, refs: References) -> References:
        """Add what the code itself has stored at these paths."""
        return refs

    def child(self) -> Scope:
        """Open a scope for a comprehension's own names."""
        return Scope(dict(self.names))
