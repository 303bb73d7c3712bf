"""Spell a path over the second way to a container that a statement takes: `pair[0].t`, where it is known as `box.t`."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from ...records.path import ANY_ITEM, AccessPath
from ...syntax.parsing import parse_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ...records.snapshots.ways import Ways

MOST = 8
"""How many second ways to a tensor the notebook's functions are searched for."""


class Detours:
    """Compares paths as typed with the only paths under which their containers are walked."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways

    @cached_property
    def roots(self) -> Mapping[str, frozenset[str]]:
        """The variables that second ways start from, each with all that they lead to."""
        found = dict(self._ways.roots)
        for _ in found:
            wider = {root: targets.union(*(found.get(one, ()) for one in targets)) for root, targets in found.items()}
            if wider == found:
                break
            found = wider
        return found

    def others(self, paths: Iterable[AccessPath]) -> list[AccessPath]:
        """Return paths over second ways to what some paths lead to, at most `MOST`."""
        found = (each for one in paths for each in self._ways.to(one)) if self.roots else iter(())
        return [*islice(found, MOST)]

    def known(self, typed: AccessPath) -> AccessPath:
        """Return the path under which what a typed path leads to is walked."""
        return parse_path(self._ways.resolve(str(typed))) if typed.root in self.roots else typed

    def spell(self, paths: Iterable[AccessPath], typed: Iterable[AccessPath]) -> list[str]:
        """Spell the first of some paths that typed paths lead to over second ways, once for each of these."""
        found = [pair for one in typed if one.root in self.roots for pair in self._known(one)]
        for path in paths if found else ():
            spelled = [made for one, known in found if (made := _join(path, one, known)) is not None]
            if spelled:
                return [*dict.fromkeys(map(str, spelled))]
        return []

    def _known(self, typed: AccessPath) -> Iterator[tuple[AccessPath, AccessPath]]:
        """Yield a typed path that takes a second way, its unknown items spelled, with that under which it is known."""
        for one in self._ways.matching(typed) if ANY_ITEM in typed.steps else (typed,):
            if (known := self._ways.resolve(str(one))) != str(one):
                yield one, parse_path(known)


def _join(path: AccessPath, typed: AccessPath, known: AccessPath) -> AccessPath | None:
    """Return the typed path to `path`, if its known path leads there or the other way round."""
    if known.leads_to(path):
        return typed.then(*path.steps[len(known.steps) :])
    excess = len(known.steps) - len(path.steps)
    if path.leads_to(known) and excess <= len(typed.steps):
        return typed.first(len(typed.steps) - excess)
    return None
