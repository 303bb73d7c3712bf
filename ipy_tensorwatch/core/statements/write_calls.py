"""What the text of a statement tells of what it may do to a path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..model.path import AccessPath
    from .statement import Statement

_RUNS_CODE = frozenset("([.+-*/@%&|^~<>")
_OPENS = re.compile(r"\b(?:for|with|await|class|def)\b")


def may_write(statement: Statement) -> bool:
    """Tell a statement that may run any code at all from one like `y = 1`, which cannot have written a tensor."""
    if _RUNS_CODE.intersection(statement.text):
        return True
    return _OPENS.search(statement.text) is not None and (statement.calls or bool(statement.targets))


def runs_backward(statement: Statement) -> bool:
    """Tell a statement that computes or clears gradients itself."""
    return "backward(" in statement.text or "zero_grad(" in statement.text


def is_followed_by(signs: str, name: str, statement: Statement) -> bool:
    """Return whether one of some signs stands behind a name."""
    return re.search(rf"(?<![\w.]){re.escape(name)}[{re.escape(signs)}]", statement.text) is not None


def mentions(statement: Statement, path: AccessPath) -> bool:
    """Tell a statement that names a path, something on the way to it, or something that hangs on it."""
    return any(one.leads_to(path) or path.leads_to(one) for one in statement.mentions)
