"""Second ways to a container that is walked under one path only: `pair[0]`, where it is `box`."""

from __future__ import annotations

import re
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from ...runtime.grouped import grouped
from ..path import AccessPath

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .outline import Outline

_ROOT = re.compile(r"\w+")
_ENDS = re.compile(r"(?=[.\[])|$")
MAX_STEPS = 64
"""How many ways one path is followed through: in a cycle, a path may pass the same one again."""

MOST_PATHS = 16
"""To how many paths of one thing ways are followed."""


class Way(NamedTuple):
    """One more way to a container; its paths are spelled on demand.

    Attributes
    ----------
    outline, node, step
        The container that leads to it, and the step from there.
    home, home_node
        The outline in which it is walked, and its node there.
    """

    outline: Outline
    node: int
    step: str
    home: Outline
    home_node: int

    @property
    def root(self) -> str:
        """The variable that it starts from."""
        return self.outline.nodes[0][1]

    @property
    def target_root(self) -> str:
        """The variable under which the container is walked."""
        return self.home.nodes[0][1]

    @property
    def path(self) -> AccessPath:
        """The way itself."""
        above = self.outline.node_path(self.node)
        return above.then(self.step)

    @property
    def target(self) -> AccessPath:
        """The path under which the container is walked."""
        return self.home.node_path(self.home_node)


def _length(path: AccessPath) -> tuple[int, int]:
    """Return how long a path is, and first how many steps of it nobody types."""
    return sum(one.startswith("._") for one in path.steps), len(path.steps)


class Ways:
    """Finds the path under which something is known, from any other path that leads to it."""

    def __init__(self, several: Sequence[Way]) -> None:
        self._several = several
        self._spelled: dict[str, dict[str, str]] = {}

    @cached_property
    def roots(self) -> Mapping[str, frozenset[str]]:
        """The variables that ways start from, each with those that they lead to."""
        return {root: frozenset(one.target_root for one in several) for root, several in self._by_root.items()}

    @cached_property
    def _by_root(self) -> Mapping[str, Sequence[Way]]:
        return grouped(self._several, attrgetter("root"))

    @cached_property
    def _by_target(self) -> Mapping[str, Sequence[Way]]:
        return grouped(self._several, attrgetter("target_root"))

    def to(self, path: AccessPath) -> list[AccessPath]:
        """Return other paths to what a path leads to, those over several ways too, the shortest public one first."""
        found = {path: None}
        for known in (waiting := [path]):
            new = [one for one in self._over_one(known) if one not in found][: MOST_PATHS - len(found)]
            found.update(dict.fromkeys(new))
            waiting += new
        return sorted([*found][1:], key=_length)

    def _over_one(self, path: AccessPath) -> Iterator[AccessPath]:
        for one in self._by_target.get(path.root, ()):
            target = one.target
            if target.leads_to(path):
                here = one.path
                yield here.then(*path.steps[len(target.steps) :])

    def matching(self, pattern: AccessPath) -> Iterator[AccessPath]:
        """Yield a path with unknown items once for each way that it may take, these items spelled."""
        for one in self._by_root.get(pattern.root, ()):
            steps = one.path.steps
            start = AccessPath(one.root, pattern.steps[: len(steps)])
            if len(start.steps) == len(steps) and start.leads_to(one.path):
                yield AccessPath(one.root, (*steps, *pattern.steps[len(steps) :]))

    def resolve(self, spelled: str) -> str:
        """Return the path under which a spelled path is known; itself if it takes no second way."""
        for _ in range(MAX_STEPS if self._several else 0):
            root = _ROOT.match(spelled)
            known = self._starting_at(root.group()) if root else {}
            ends = (end.start() for end in _ENDS.finditer(spelled)) if known else iter(())
            end = next((end for end in ends if spelled[:end] in known), None)
            if end is None:
                break
            spelled = known[spelled[:end]] + spelled[end:]
        return spelled

    def _starting_at(self, root: str) -> Mapping[str, str]:
        if root not in self._spelled:
            self._spelled[root] = {str(one.path): str(one.target) for one in self._by_root.get(root, ())}
        return self._spelled[root]
