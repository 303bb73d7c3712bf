"""Find which nodes of a graph a backward has freed: it releases what each node saved when it has used it."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from ...core.records.trace.graph_state import HalfFreed
from ...core.runtime.record import field, mutable
from ..runtime.graph_private import LEAF_NUMBER
from ..runtime.node_limit import is_enough
from ..tensors.node_readers import kind_of
from .graph_survey import GraphSurvey, survey_graph
from .node_inputs import inputs_of, leaf_ids
from .raw_saves import state_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .node_inputs import MakerNode


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
