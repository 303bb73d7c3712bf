"""What one walk over a namespace has found so far."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ...core.host.record import field, mutable
from ...core.model.snapshots.ways import Way
from .look_limits import Limits, Segment

if TYPE_CHECKING:
    import torch

    from ...core.model.reason import Reason
    from .branch import Branch
    from .optimizer_state import Drawn

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
    drawn
        The outlines of optimizer states, by the optimizers' ids; kept between looks.
    homes
        The branch and node of each container where it is walked first, by its id.
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
    drawn: dict[int, Drawn] = field(default_factory=dict)
    homes: dict[int, tuple[Branch, int]] = field(default_factory=dict)
    repeated: list[tuple[Branch, int, str, int]] = field(default_factory=list)

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
        homes = ((branch.outline, node, step, *self.homes[thing]) for branch, node, step, thing in self.repeated)
        return tuple(
            Way(outline, node, step, home.outline, place)
            for outline, node, step, home, place in homes
            if home.objects or id(home) in leading
        )
