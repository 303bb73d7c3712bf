"""Find which nodes of a graph a backward has freed: it releases what each node saved when it has used it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from ...core.records.trace.graph_state import HalfFreed
from ...core.runtime.record import field, mutable
from ..runtime.graph_private import LEAF_NUMBER, error_message_of, has_hook, leaf_of
from ..runtime.node_limit import CLOCK_EVERY, is_enough
from ..tensors.node_readers import NODE_KINDS, NodeKind, is_python, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .saved_by_nodes import MakerNode

    NodeState = Literal["freed", "holds", "saves-nothing"]


def state_of(node: object, kind: NodeKind) -> NodeState:
    """Return whether a node holds what it saved; what hooks packed counts as held."""
    several: list[Any] = []
    for slot in kind.saved:
        try:
            found = slot.read(node)
        except RuntimeError:  # a list of tensors, or a custom function's
            return "freed"
        several = [*found] if isinstance(found, tuple) else [found]
        if any(one is not None and (has_hook(one) or one.data is not None) for one in several):
            return "holds"
    return "freed" if any(_is_released(slot.check, node) for slot in kind.saved) else "saves-nothing"


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
        The ids of the leaves that are reached without passing a freed node.
    is_cut
        Whether a limit was reached before all was seen.
    """

    below: dict[int, list[int]] = field(default_factory=dict)
    holding: set[int] = field(default_factory=set)
    freed: dict[int, Any] = field(default_factory=dict)
    leaves: set[int] = field(default_factory=set)
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

    def ends(self) -> frozenset[int]:
        """Return the freed nodes below which no backward gets; one of the user's own may not read what was freed."""
        return frozenset(number for number, node in self.freed.items() if not is_python(kind_of(node)))

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


def survey_graph(roots: Mapping[int, MakerNode], deadline: float, whole: GraphSurvey | None = None) -> GraphSurvey:
    """Walk the graphs of some nodes, the last first, down to their freed nodes.

    Parameters
    ----------
    whole
        An earlier walk, beyond which this one does not go: the node limit is for all nodes that Python has seen.
    """
    found, waiting = GraphSurvey(), [(number, one.node) for number, one in roots.items()]
    while waiting:
        number, node = waiting.pop()
        if number in found.below or number in found.freed:
            continue
        if whole is not None and number not in whole.below and number not in whole.freed:
            found.is_cut = True
            continue
        if len(found.below) % CLOCK_EVERY == 0 and is_enough(len(found.below), deadline):
            found.is_cut = True
            break
        kind = kind_of(node)
        state = state_of(node, kind) if kind.saved else "saves-nothing"
        if state == "freed":
            found.freed[number] = node
            continue
        if state == "holds":
            found.holding.add(number)
        found.below[number] = _below(node, kind, found.leaves, waiting)
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


def _below(node: object, kind: NodeKind, leaves: set[int], waiting: list[tuple[int, Any]]) -> list[int]:
    below: list[int] = []
    for one, _ in kind.follow(node):
        if one is not None:
            number = (NODE_KINDS.get(type(one)) or kind_of(one)).number(one)
            if number == LEAF_NUMBER:
                leaves.add(id(leaf_of(one)))
            else:
                waiting.append((number, one))
            below.append(number)
    return below


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
        is_covered=_leaves_below(found, deadline) <= found.leaves,
    )


def _leaves_below(found: GraphSurvey, deadline: float) -> set[int]:
    """Return the leaves that only the freed part leads to, and those that it leads to as well."""
    leaves: set[int] = set()
    met: set[int] = set()
    waiting = [*found.freed.items()]
    while waiting and not is_enough(len(met) + len(found.below), deadline):
        number, node = waiting.pop()
        if number not in met:
            met.add(number)
            _below(node, kind_of(node), leaves, waiting)
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
            found = survey_graph({number: new[number]}, deadline, whole)
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
