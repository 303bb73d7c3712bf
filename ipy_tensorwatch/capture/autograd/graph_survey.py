"""Survey graphs once at each look: what each node saved and what is below it, down to what a backward has freed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core.runtime.record import field, mutable
from ..runtime.graph_private import LEAF_NUMBER
from ..runtime.node_limit import CLOCK_EVERY, is_enough, is_late
from ..tensors.node_readers import NodeKind, is_python, kind_of
from .node_inputs import NO_INPUTS, inputs_of, leaf_ids
from .raw_saves import NO_SAVES, is_freed, raw_saves

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .node_inputs import Inputs, MakerNode, MetNode
    from .raw_saves import RawSave


@mutable
class GraphSurvey:
    """The part of a graph above its freed nodes.

    Attributes
    ----------
    below
        For each node, the sequence numbers of those below; `LEAF_NUMBER` for a leaf.
    holding
        The nodes that hold what they saved.
    freed
        The freed nodes that are met first.
    leaves
        For each node, the ids of the leaves directly below it.
    met
        The nodes above the freed ones.
    is_cut
        Whether a limit was reached before all was seen.
    """

    below: dict[int, tuple[int, ...]] = field(default_factory=dict)
    holding: set[int] = field(default_factory=set)
    freed: dict[int, Any] = field(default_factory=dict)
    leaves: dict[int, list[int]] = field(default_factory=dict)
    met: dict[int, MetNode] = field(default_factory=dict)
    is_cut: bool = False

    def leading_to_holding(self, numbers: Iterable[int]) -> Iterator[int]:
        """Yield those of some nodes that hold what they saved, or lead to a node that does."""
        barren: set[int] = set()
        for number in numbers:
            met, waiting = set[int](), [number]
            while waiting and waiting[-1] not in self.holding:
                one = waiting.pop()
                if one not in met and one not in barren:
                    met.add(one)
                    waiting += self.below.get(one, ())
            if waiting:
                yield number
            else:
                barren |= met

    def inputs_of(self, number: int, node: object, kind: NodeKind) -> Inputs:
        """Return the nodes below one; none below a freed one of PyTorch's own: no backward gets there."""
        met = self.met.get(number)
        if met is not None and met[0] is node:
            return met[2]
        return NO_INPUTS if number in self.freed and not is_python(kind) else inputs_of(node, kind)

    def saves_of(self, number: int, node: object) -> Sequence[RawSave] | None:
        """Return what a node saved; None if it was not met, or is freed."""
        met = self.met.get(number)
        return met[1] if met is not None and met[0] is node else None

    def part_below(self, root: int, deadline: float) -> GraphSurvey:
        """Return the part of this survey below one node."""
        found, waiting = GraphSurvey(), [root]
        while waiting:
            number = waiting.pop()
            if number in found.below or number in found.freed or number == LEAF_NUMBER:
                continue
            if number in self.freed:
                found.freed[number] = self.freed[number]
                continue
            if number not in self.below or is_late(len(found.below), deadline):
                found.is_cut = True
                continue
            found.below[number] = self.below[number]
            found.leaves[number] = self.leaves[number]
            waiting += self.below[number]
        found.holding = self.holding & found.below.keys()
        return found

    @property
    def is_half_freed(self) -> bool:
        """Whether a later backward will meet freed nodes; after an ordinary one, no node above them holds anything."""
        return bool(self.freed and self.holding)

    def spent(self) -> set[int]:
        """Return the nodes that a backward ran: freed ones, and those above that lead to nothing else."""
        found = {*self.freed}
        for number in sorted(self.below.keys() - self.holding):
            under = {one for one in self.below[number] if one != LEAF_NUMBER}
            if under and under <= found:
                found.add(number)
        return found

    def is_new_pass(self) -> bool:
        """Return whether a node that holds what it saved leads to a leaf, past the nodes that a backward ran."""
        leads: set[int] = {LEAF_NUMBER}
        for number in sorted(self.below.keys() - self.spent()):
            if not leads.isdisjoint(self.below[number]):
                leads.add(number)
        return not leads.isdisjoint(self.holding)


def survey_graph(roots: Mapping[int, MakerNode], deadline: float) -> GraphSurvey:
    """Walk the graphs of some nodes, the last first, down to their freed nodes."""
    found, seen = GraphSurvey(), {LEAF_NUMBER}
    waiting = [(number, one.node, kind_of(one.node)) for number, one in roots.items()]
    while waiting:
        number, node, kind = waiting.pop()
        if number in seen:
            continue
        if len(seen) % CLOCK_EVERY == 0 and is_enough(len(found.below), deadline):
            found.is_cut = True
            break
        seen.add(number)
        saves = raw_saves(node, kind) if kind.saved else NO_SAVES
        if saves:
            found.holding.add(number)
        elif kind.saved and is_freed(node, kind, saves):
            found.freed[number] = node
            continue
        inputs = inputs_of(node, kind)
        waiting += inputs[1]
        found.below[number] = inputs[0]
        found.leaves[number] = leaf_ids(inputs)
        found.met[number] = node, saves or NO_SAVES, inputs
    return found
