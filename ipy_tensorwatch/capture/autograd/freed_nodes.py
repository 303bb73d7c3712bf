"""Find which nodes of a graph a backward has freed: it releases what each node saved when it has used it."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from ...core.records.trace.graph_state import HalfFreed
from ...core.runtime.record import field, mutable
from ..runtime.graph_private import LEAF_NUMBER, error_message_of
from ..runtime.node_limit import CLOCK_EVERY, is_enough, is_late
from ..tensors.node_readers import NodeKind, is_python, kind_of
from .node_inputs import NO_INPUTS, inputs_of, leaf_ids
from .raw_saves import raw_saves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from .node_inputs import Inputs, MetNode
    from .raw_saves import RawSave
    from .saved_by_nodes import MakerNode

    NodeState = Literal["freed", "holds", "saves-nothing"]


NO_SAVES: Sequence[RawSave] = ()


def state_of(node: object, kind: NodeKind) -> NodeState:
    """Return whether a node holds what it saved; what hooks packed counts as held."""
    saves = raw_saves(node, kind)
    if saves:
        return "holds"
    return "freed" if is_freed(node, kind, saves) else "saves-nothing"


def is_freed(node: object, kind: NodeKind, saves: Sequence[RawSave] | None) -> bool:
    """Return whether a backward has freed a node of which nothing is stored."""
    return saves is None or any(_is_released(slot.check, node) for slot in kind.saved)


def _is_released(check: Callable[[Any], object], node: object) -> bool:
    """Return whether reading as backward does raises; an optional tensor that was not given does not."""
    found = error_message_of(check, node)
    return found is not None and found.trouble == "freed"


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


def is_begun(roots: Iterable[Any], deadline: float) -> bool:
    """Return whether a backward may have begun at one of some nodes: it frees the first below that saved something.

    Those that hold what they saved are not followed further, so this costs less than a survey.
    """
    waiting, met = [*roots], set[int]()
    while waiting:
        node = waiting.pop()
        kind = kind_of(node)
        number = kind.number(node)
        if number in met and number != LEAF_NUMBER:
            continue
        met.add(number)
        state = state_of(node, kind) if kind.saved else "saves-nothing"
        if state == "freed" or is_enough(len(met), deadline):
            return True
        if state == "saves-nothing":
            waiting += [one for one, _ in kind.follow(node) if one is not None]
    return False


def half_freed(
    root: MakerNode, found: GraphSurvey, names: Mapping[int, list[str]], cells: Mapping[int, int], deadline: float
) -> HalfFreed:
    """Describe a half-freed graph.

    Parameters
    ----------
    names
        The paths of the nodes that made watched tensors, now or at the last look.
    cells
        The cell after which each node was first seen.
    """
    first, spent = max(found.freed), found.spent()
    through = max((number for number in spent if number in names), default=first)
    user = min(number for number in found.below.keys() - spent if not spent.isdisjoint(found.below[number]))
    return HalfFreed(
        roots=tuple(root.paths),
        names=tuple(names.get(through, ())),
        node=first,
        cell=cells.get(through, 0),
        user=user,
        user_cell=cells.get(user, 0),
        op=kind_of(found.freed[first]).name(found.freed[first]),
        is_new_pass=found.is_new_pass(),
        is_covered=_leaves_below(found, deadline) <= {*chain.from_iterable(found.leaves.values())},
    )


def _leaves_below(found: GraphSurvey, deadline: float) -> set[int]:
    """Return the leaves that only the freed part leads to, and those that it leads to as well."""
    leaves: set[int] = set()
    met: set[int] = {LEAF_NUMBER}
    waiting = [(number, node, kind_of(node)) for number, node in found.freed.items()]
    while waiting and not is_enough(len(met) + len(found.below), deadline):
        number, node, kind = waiting.pop()
        if number not in met:
            met.add(number)
            inputs = inputs_of(node, kind)
            leaves.update(leaf_ids(inputs))
            waiting += inputs[1]
    return leaves


@mutable
class FreedGraphs:
    """Which of the watched graphs a backward has freed a part of.

    Attributes
    ----------
    may_free
        Whether a backward may have run since the last look: in a survey, one that freed what a graph met before holds.
    half, before
        These graphs now and at the last look, by the sequence number of the node that made their variable.
    roots, earlier
        The paths of the nodes that made watched tensors, now and at the last look.
    """

    may_free: bool = False
    half: dict[int, HalfFreed] = field(default_factory=dict)
    before: dict[int, HalfFreed] = field(default_factory=dict)
    roots: Mapping[int, list[str]] = field(default_factory=dict)
    earlier: Mapping[int, list[str]] = field(default_factory=dict)
    _ahead: set[int] = field(default_factory=set)

    def survey(self, nodes: Mapping[int, MakerNode], earlier: Mapping[int, list[str]], deadline: float) -> GraphSurvey:
        """Survey new graphs, and after a backward those that it had not met yet, in one walk.

        It goes in the order in which graphs are read, so that not twice as many nodes are seen where a limit ends both.
        """
        self.may_free = self.may_free and self._may_be_freed(nodes, earlier, deadline)
        return survey_graph(self._asked(nodes, earlier), deadline)

    def _may_be_freed(self, nodes: Mapping[int, MakerNode], earlier: Mapping[int, list[str]], deadline: float) -> bool:
        """Return whether a backward may have run through a graph: at one of its variables, or at one that is gone."""
        ahead = self._ahead & nodes.keys()
        is_gone = bool(earlier.keys() - nodes.keys())
        return bool(ahead) and (is_gone or is_begun([nodes[number].node for number in ahead], deadline))

    def _asked(self, nodes: Mapping[int, MakerNode], earlier: Mapping[int, list[str]]) -> dict[int, MakerNode]:
        asked = nodes.keys() - earlier.keys() | self.half.keys() | (self._ahead if self.may_free else set())
        return {number: one for number, one in nodes.items() if number in asked}

    def look(
        self,
        nodes: Mapping[int, MakerNode],
        whole: GraphSurvey,
        earlier: Mapping[int, list[str]],
        cells: Mapping[int, int],
        deadline: float,
    ) -> None:
        """Describe the graphs that were surveyed; parameters as in `Graphs.look`."""
        self.earlier, self.roots = earlier, {number: one.paths for number, one in nodes.items()}
        new = self._asked(nodes, earlier)
        ahead, self._ahead = self._ahead, self._ahead & nodes.keys() - new.keys()
        self.before, self.half = self.half, {}
        names = {**earlier, **self.roots}
        if not whole.freed:  # the usual case: all graphs in one walk
            self._ahead.update(whole.leading_to_holding(new))
            self.half = {number: self.before[number] for number in self.before.keys() & new.keys() if whole.is_cut}
            return
        for number in sorted(new, reverse=True):
            found = whole.part_below(number, deadline)
            if found.is_half_freed:
                now = half_freed(nodes[number], found, names, cells, deadline)
                then = self.before.get(number)
                if then is not None and then.node == now.node:
                    now = replace(now, names=then.names, was_whole=then.was_whole)
                self.half[number] = replace(now, was_whole=now.was_whole or number in ahead)
            elif found.is_cut and number in self.before:
                self.half[number] = self.before[number]  # what was freed stays so
            elif found.holding:
                self._ahead.add(number)
