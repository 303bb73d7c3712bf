"""What one walk over a namespace has found: the tensors under each name, and how they are reached."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from ...core.records.snapshots.outline import Outline, OutlineRun
from ...core.records.snapshots.ways import Way
from ...core.runtime.record import field, mutable
from .barren import BarrenSearch
from .inspect_object import numbers_of
from .look_limits import Limits, Segment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import torch

    from ...core.records.reason import Reason
    from .record_levels import LevelOutline

MAX_WAYS = 10_000


@mutable
class Walk:
    """One walk over a namespace. It holds live objects, so it must not outlive the hook.

    Attributes
    ----------
    branches
        By name; the empty name holds the names that are bound to a tensor.
    skipped
        Paths that were not walked, with the reason.
    segments
        The segments of huge containers, which hold `held` tensors and arrays.
    parameters
        The ids of the parameters that each optimizer holds.
    resting
        The names that were not reached in this walk.
    large
        The large names that hold no tensor, each with its object's id.
    drawn
        The outlines of optimizer states, by the optimizers' ids; kept between looks.
    known_levels, levels
        The outlines of many records as the last walk found them and as this one does, by their branch and first node.
    homes
        The branch and node of each container where it is walked first, by its id.
    barren
        The search for containers that lead to no tensor.
    repeated
        The containers that are not walked again, at most `MAX_WAYS`: the branch, node and step that lead to each, and
        its id.
    """

    branches: dict[str, Branch] = field(default_factory=dict)
    skipped: list[tuple[str, Reason]] = field(default_factory=list)
    optimizers: list[tuple[Branch, int, torch.optim.Optimizer]] = field(default_factory=list)
    parameters: list[tuple[int, ...]] = field(default_factory=list)
    followed: Counter[int] = field(default_factory=Counter)
    containers: int = 0
    limits: Limits = field(default_factory=Limits)
    segments: list[Segment] = field(default_factory=list)
    held: int = 0
    resting: list[str] = field(default_factory=list)
    large: dict[str, int] = field(default_factory=dict)
    drawn: dict[int, StateOutline] = field(default_factory=dict)
    known_levels: Mapping[tuple[str, int], LevelOutline] = field(default_factory=dict)
    levels: dict[tuple[str, int], LevelOutline] = field(default_factory=dict)
    homes: dict[int, tuple[Branch, int]] = field(default_factory=dict)
    repeated: list[tuple[Branch, int, str, int]] = field(default_factory=list)
    barren: BarrenSearch = field(init=False)

    def __post_init__(self) -> None:
        """Count what is searched among what is visited."""
        self.barren = BarrenSearch(self.limits)

    @property
    def count(self) -> int:
        """The number of tensors and arrays found, those in huge containers included."""
        return self.held + sum(len(branch.objects) for branch in self.branches.values())

    @property
    def routes(self) -> list[tuple[str, int, str, int]]:
        """The second ways to containers as plain values: the root, node and step of each, and the container's id."""
        return [(branch.outline.nodes[0][1], node, step, thing) for branch, node, step, thing in self.repeated]

    def ways(self) -> tuple[Way, ...]:
        """Return the second ways to the containers that hold a tensor."""
        leading = {id(branch) for branch, *_ in self.repeated}
        homes = (
            (branch.outline, node, step, *self.homes[thing])
            for branch, node, step, thing in self.repeated
            if thing in self.homes  # else the time was over before it was reached
        )
        return tuple(
            Way(outline, node, step, home.outline, place)
            for outline, node, step, home, place in homes
            if home.objects or id(home) in leading
        )


@mutable
class Branch:
    """One name's outline, and the live objects in the outline's order.

    Attributes
    ----------
    key
        The name, or the key of a segment.
    odd
        The paths of objects that could not be opened, each with the reason.
    kinds
        The ids of the objects' types.
    spelled
        The paths spelled so far, by their places; kept between looks along with the outline.
    is_cut
        Whether the time was over before all of it was walked.
    """

    outline: Outline = field(default_factory=Outline)
    objects: list[Any] = field(default_factory=list)
    signature: list[object] | None = None
    odd: list[tuple[str, Reason]] = field(default_factory=list)
    kinds: set[int] = field(default_factory=set)
    spelled: dict[int, str] = field(default_factory=dict)
    key: str = ""
    is_cut: bool = False

    def take(self, run: OutlineRun, values: Sequence[object], kinds: set[int] | None = None) -> None:
        """Add neighbours; `kinds` are the ids of their types, if known."""
        self.outline.runs.append(run)
        self.objects.extend(values)
        self.kinds |= kinds or numbers_of(values)

    def pass_by(self, node: int, steps: Iterable[str], reasons: Iterable[Reason]) -> None:
        """Record objects that could not be opened."""
        here = self.outline.node_path(node)
        for step, why in zip(steps, reasons, strict=True):
            self.odd.append((str(here.then(step) if step else here), why))


class Tree(NamedTuple):
    """What is remembered of a module tree: its signature, its outline, and its spelled paths."""

    signature: list[object]
    outline: Outline
    spelled: dict[int, str]


class StateOutline(NamedTuple):
    """The outline of one optimizer's state.

    Attributes
    ----------
    node, first
        The node of the optimizer, and the first node that was added.
    steps, keys, sizes
        The step to each parameter's state, all their keys, and the number of keys of each.
    is_array
        Which values are tensors or arrays.
    """

    node: int
    first: int
    steps: list[str]
    keys: list[Any]
    sizes: list[int]
    is_array: list[bool]
    nodes: list[tuple[int, str]]
    runs: list[OutlineRun]

    def is_of(self, other: StateOutline) -> bool:
        """Return whether another state has this outline."""
        return self[:6] == other[:6]
