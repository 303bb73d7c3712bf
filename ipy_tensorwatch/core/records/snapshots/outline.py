"""The outline of a walk: the place of every tensor, as plain keys that can be compared, and spelled later."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, chain, repeat
from typing import TYPE_CHECKING, Literal

from ...runtime.record import field, mutable, record
from ..path import AccessPath

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Style = Literal["name", "index", "key", "attribute", "typed", "grad"]
"""How a run's keys are spelled: `x`, `[0]`, `['x']`, `.x`, as they are, or `.grad` of an earlier tensor."""


@record(kw_only=False)
class OutlineRun:
    """Neighbours in one container: its node, the style and values of their keys, and their role."""

    node: int
    style: Style
    keys: Sequence[object]
    role: str = ""


@mutable
class Outline:
    """Everything reachable from one name, breadth first; equal outlines have equal paths.

    Attributes
    ----------
    nodes
        For each container its parent node and the step from it; node 0 is the root name.
    runs
        The tensors, in the order they were found.
    """

    nodes: list[tuple[int, str]] = field(default_factory=list)
    runs: list[OutlineRun] = field(default_factory=list)

    def copy(self) -> Outline:
        """Return a copy that can grow independently."""
        return Outline(self.nodes, self.runs.copy())

    def add_node(self, parent: int, step: str) -> int:
        """Add a container and return its number."""
        self.nodes.append((parent, step))
        return len(self.nodes) - 1

    def add_path(self, path: AccessPath) -> int:
        """Add the containers of a path, the root name included, and return the number of the last."""
        node = -1
        for step in path.parts:
            node = self.add_node(node, step)
        return node

    def node_path(self, node: int) -> AccessPath:
        """Return the path of a container."""
        steps: list[str] = []
        while (parent := self.nodes[node][0]) >= 0:
            steps.append(self.nodes[node][1])
            node = parent
        return AccessPath(self.nodes[node][1], tuple(reversed(steps)))

    def paths(self) -> list[AccessPath]:
        """Return the paths of all tensors, in order."""
        found: list[AccessPath] = []
        for run in self.runs:
            found.extend(self._run_paths(run, found))
        return found

    def stops(self) -> list[int]:
        """Return the number of tensors up to the end of each run."""
        return [*accumulate(len(run.keys) for run in self.runs)]

    def path_at(self, index: int, stops: Sequence[int] = ()) -> AccessPath:
        """Return the path of one tensor; for many, pass `stops()`."""
        stops = stops or self.stops()
        place = bisect_right(stops, index)
        run, inner = self.runs[place], index - (stops[place - 1] if place else 0)
        if run.style == "name":
            return AccessPath(str(run.keys[inner]))
        if run.style == "grad" and isinstance(base := run.keys[inner], int):
            return _grad_of(self.path_at(base, stops))
        here = self.node_path(run.node)
        return here.then(*steps_of(run.style, run.keys[inner : inner + 1]))

    def roles(self) -> list[str]:
        """Return the role of each tensor."""
        return [*chain.from_iterable(repeat(run.role, len(run.keys)) for run in self.runs)]

    def _run_paths(self, run: OutlineRun, found: list[AccessPath]) -> Iterator[AccessPath]:
        if run.style == "name":
            return (AccessPath(str(name)) for name in run.keys)
        if run.style == "grad":
            return (_grad_of(found[base]) for base in run.keys if isinstance(base, int))
        here = self.node_path(run.node)
        return (AccessPath(here.root, (*here.steps, step)) for step in steps_of(run.style, run.keys))


def _grad_of(path: AccessPath) -> AccessPath:
    return path.then(".grad")


MAX_BITS = 1000
"""The largest integers, in bits, that are printed if a neighbour has too many digits for Python to print."""


def steps_of(style: Style, keys: Sequence[object]) -> Iterator[str]:
    """Spell keys as steps.

    Examples
    --------
    >>> list(steps_of("key", ["x", 3]))
    ["['x']", '[3]']
    """
    if style == "attribute":
        return (f".{key}" for key in keys)
    if style == "typed":
        return (str(key) for key in keys)
    try:
        return iter([f"[{key!r}]" for key in keys])
    except ValueError:  # Python prints no integer of many digits
        return map(_key_step, keys)


def _key_step(key: object) -> str:
    bits = key.bit_length() if isinstance(key, int) else 0
    return f"[<int of {bits:,} bits>]" if bits > MAX_BITS else f"[{key!r}]"
