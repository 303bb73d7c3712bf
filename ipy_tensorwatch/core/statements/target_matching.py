"""Match the targets of a cell's statements with watched paths, using the keys' values at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..records.path import ANY_ITEM, AccessPath
from ..runtime.record import record
from ..syntax.parsing import parse_path
from .writes.write_target import KeyValues, Target, spell_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..records.reading import Reading

    WatchedPaths = Mapping[str, Reading | None]


@record
class Named:
    """The watched paths that one statement names as written.

    Attributes
    ----------
    exact
        The watched paths, spelled.
    below
        Targets with everything behind them, each with its resolved path.
    bound
        The watched paths that it binds: `b.x = y`, which writes `b.x` only if the statement does.
    owners
        The paths of what it assigns an item or attribute of that is no watched path: `k` in `k.scale = 2`. That
        runs code of the class of `k`, if it has any.
    """

    exact: frozenset[str]
    below: tuple[tuple[Target, AccessPath], ...]
    bound: frozenset[str] = frozenset()
    owners: tuple[AccessPath, ...] = ()

    @property
    def paths(self) -> list[AccessPath]:
        """The paths as the statement spells them."""
        exact = map(parse_path, sorted(self.exact | self.bound))
        return [*exact, *(spelled for _, spelled in self.below), *self.owners]

    def is_behind(self, path: AccessPath) -> bool:
        """Return whether a path is behind one of the targets."""
        return any(target.covers(path, spelled) for target, spelled in self.below)

    def writes_behind(self, path: AccessPath) -> bool:
        """Return whether a path is behind one of the targets, which does not only store something else there."""
        return any(target.kind != "assign" and target.covers(path, spelled) for target, spelled in self.below)


def match_targets(targets: Iterable[Target], values: Iterable[KeyValues], watched: WatchedPaths) -> Named:
    """Return the watched paths that some targets name as written.

    Parameters
    ----------
    values
        The values of names in their item keys, at each entry of the statement.
    watched
        All paths, spelled, to find the longest one that a target names.
    """
    exact, bound = set[str](), set[str]()
    below: dict[tuple[Target, AccessPath], None] = {}
    owners: dict[AccessPath, None] = {}
    for target in targets:
        for path in dict.fromkeys(spell_target(target, one) for one in values) if target.kind != "metadata" else ():
            matches, is_whole = longest_watched(path, watched)
            if matches and (_is_other(target, watched[matches[0]]) or (target.is_label and not is_whole)):
                continue
            if not target.grad:
                (bound if target.kind == "assign" and is_whole else exact).update(matches)
            if target.below or not matches:  # `out=pair` writes what is behind the name
                below[target, path] = None
            if target.kind == "assign" and not matches:
                owners[path.owner] = None
    return Named(exact=frozenset(exact), below=tuple(below), bound=frozenset(bound), owners=tuple(owners))


def _is_other(target: Target, reading: Reading | None) -> bool:
    """Return whether a target is only written if it is something else: an array, or no tensor at all."""
    return target.kind == "module" or (target.kind == "array" and reading is not None and reading.kind != "ndarray")


def longest_watched(path: AccessPath, watched: WatchedPaths) -> tuple[list[str], bool]:
    """Return the watched paths that match most steps of a path, and whether they match all of them."""
    for length in range(len(path.steps), -1, -1):
        prefix = path.first(length)
        if str(prefix) in watched:
            return [str(prefix)], length == len(path.steps)
        if ANY_ITEM in prefix.steps:
            matches = [spelled for spelled in watched if _spells(prefix, spelled)]
            if matches:
                return matches, length == len(path.steps)
    return [], False


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
