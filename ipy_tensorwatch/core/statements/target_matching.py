"""Match the targets of a cell's statements with watched paths, using the keys' values at run time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model.path import ANY_ITEM, AccessPath
from .write_target import spell_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .statement import Statement
    from .write_target import KeyValues, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The watched paths that one statement names as written.

    Attributes
    ----------
    exact
        The watched paths, spelled.
    below
        Targets with everything behind them, each with its resolved path.
    """

    exact: frozenset[str]
    below: tuple[tuple[Target, AccessPath], ...]

    def is_behind(self, path: AccessPath) -> bool:
        """Return whether a path is behind one of the targets."""
        return any(target.covers(path, spelled) for target, spelled in self.below)


def name_targets(statement: Statement, values: Iterable[KeyValues], watched: Mapping[str, object]) -> Named:
    """Return the watched paths that a statement names as written.

    Parameters
    ----------
    statement
        One of the cell's own.
    values
        The values of names in its item keys, at each entry.
    watched
        All paths, spelled, to find the longest one that a target names.
    """
    return match_targets(statement.targets, values, watched)


def match_targets(targets: Iterable[Target], values: Iterable[KeyValues], watched: Mapping[str, object]) -> Named:
    """Return the watched paths that some targets name; the parameters are those of `name_targets`."""
    exact: set[str] = set()
    below: dict[tuple[Target, AccessPath], None] = {}
    for target in targets:
        for path in dict.fromkeys(spell_target(target, one) for one in values):
            matches = longest_watched(path, watched)
            if not target.grad:
                exact.update(matches)
            if target.below or not matches:  # `out=pair` writes what is behind the name
                below[target, path] = None
    return Named(exact=frozenset(exact), below=tuple(below))


def longest_watched(path: AccessPath, watched: Mapping[str, object]) -> list[str]:
    """Return the watched paths that match a path, or the longest of its prefixes that is matched."""
    for length in range(len(path.steps), -1, -1):
        prefix = AccessPath(path.root, path.steps[:length])
        if str(prefix) in watched:
            return [str(prefix)]
        if ANY_ITEM in prefix.steps:
            matches = [spelled for spelled in watched if _spells(prefix, spelled)]
            if matches:
                return matches
    return []


def _spells(pattern: AccessPath, spelled: str) -> bool:
    """Return whether a spelled path matches a pattern with unknown items."""
    head, *rest = str(pattern).split(ANY_ITEM)
    if not spelled.startswith(head):
        return False
    tail = spelled[len(head) :]
    for part in rest:
        end = tail.find("]")
        if not tail.startswith("[") or end < 0 or not tail[end + 1 :].startswith(part):
            return False
        tail = tail[end + 1 + len(part) :]
    return not tail
