"""What a statement may do to a path, from its text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..syntax.torch_vocabulary import (
    BUILTINS,
    COLLECTIVE_OUTPUTS,
    DISTRIBUTED,
    FRESH,
    MEMBERS,
    MODULE_METHODS,
    OF_DISTRIBUTED,
    OPTIMIZERS,
    REPLICATORS,
    VIEWS,
)

if TYPE_CHECKING:
    from collections.abc import Container

    from ..records.path import AccessPath
    from .statement import Statement

_RUNS_CODE = frozenset("([.+-*/@%&|^~<>")
_CALLED = re.compile(r"(\.?)(\w+)\s*\(")
_OWNED = re.compile(r"(?:(\w+)\.)?\b(\w+)\s*\(")
_STARTS, _WAITS = re.compile(r"\basync_op\s*=\s*True\b|\birecv\b"), re.compile(r"\.(?:wait|result|synchronize)\(")
_READERS = (FRESH | VIEWS | MEMBERS | MODULE_METHODS | OPTIMIZERS) - {"backward", "sort"}
_FUNCTIONS = BUILTINS | OPTIMIZERS
_OPENS = re.compile(r"\b(?:for|with|await|class|def)\b")


def may_write(statement: Statement) -> bool:
    """Return whether a statement may run arbitrary code; `y = 1` cannot and so cannot write a tensor."""
    if _RUNS_CODE.intersection(statement.text):
        return True
    return _OPENS.search(statement.text) is not None and (statement.calls or bool(statement.targets))


def runs_backward(statement: Statement) -> bool:
    """Return whether a statement itself computes or clears gradients."""
    return "backward(" in statement.text or "zero_grad(" in statement.text


def makes_replicas(statement: Statement) -> bool:
    """Return whether a statement makes a module equal on all ranks: `ddp = DDP(net)`."""
    return any(name in REPLICATORS for _, name in _CALLED.findall(statement.text))


def calls_collective(text: str) -> bool:
    """Return whether a line calls a collective that writes, such as `dist.broadcast(t, 0)`."""
    return any(
        name in COLLECTIVE_OUTPUTS and (name not in OF_DISTRIBUTED or owner in ("", *DISTRIBUTED))
        for owner, name in _OWNED.findall(text)
    )


def starts_collective(text: str) -> bool:
    """Return whether some code starts a collective that it does not wait for in the same call."""
    return _STARTS.search(text) is not None


def awaits(text: str) -> bool:
    """Return whether some code waits for what was started before: `work.wait()`."""
    return _WAITS.search(text) is not None


def leaves_collective_open(source: str) -> bool:
    """Return whether a cell starts a collective and waits for none after it."""
    started = [*_STARTS.finditer(source)]
    return bool(started) and not awaits(source[started[-1].end() :])


def is_followed_by(signs: str, name: str, statement: Statement) -> bool:
    """Return whether a name is followed by one of these signs, whichever quotes its keys have."""
    text = statement.text.replace('"', "'")
    return re.search(rf"(?<![\w.]){re.escape(name)}[{re.escape(signs)}]", text) is not None


def mentions(statement: Statement, path: AccessPath) -> bool:
    """Return whether a statement mentions a path, a prefix of it, or something behind it."""
    return any(one.leads_to(path) or path.leads_to(one) for one in statement.mentions)


def calls_only(statement: Statement, known: Container[str]) -> bool:
    """Return whether all that a statement calls are functions in `known`, or others that do not write."""
    found = _CALLED.findall(statement.text)
    return bool(found) and all(name in _READERS if dot else name in known or name in _FUNCTIONS for dot, name in found)
