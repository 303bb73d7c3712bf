"""Track the graphs of watched tensors: what their nodes saved, and whether it was overwritten.

A graph keeps its saved tensors alive, so no node is held between looks: sequence numbers stand for nodes,
and an empty tensor shares the version counter of each saved tensor.
"""

from __future__ import annotations

from copy import copy
from itertools import chain
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...core.records.trace.saved_tensor import Overwritten, RootOrigin, SavedTensor
from ...core.runtime.record import field, mutable
from ..runtime.graph_private import LEAF_NUMBER
from ..runtime.node_limit import MAX_NODES, is_enough, is_late
from .freed_nodes import FreedGraphs
from .masked_writes import ignore_masked_writes
from .note_saved import NOTHING_SAVED, NotedSaves, SaveRecorder
from .saved_by_nodes import kept_in, leaves_of_nodes, nodes_of, walk_nodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ...core.records.reading import Reading
    from ...core.records.trace.graph_state import Ending
    from .graph_survey import GraphSurvey
    from .known_bytes import KnownBytes
    from .node_inputs import MakerNode
    from .saved_by_nodes import Root, WalkedNodes
    from .tracked_tensor import TrackedTensor

NOTHING_MOVED: Mapping[int, Reading] = MappingProxyType({})
MAX_SAVED = 1 << 15
"""The maximum number of saved tensors tracked."""
GO_ON = 1.5
"""The factor by which the available time must exceed the last look's, to get further than it."""
_ANY_LEAF = frozenset((0,))
MAX_ROOTS = 16
"""The maximum number of roots reported for a hazard."""


@mutable
class Graphs:
    """What is remembered of all graphs, by the sequence numbers of their nodes.

    Attributes
    ----------
    inputs
        For each node, the sequence numbers of the nodes that its gradients flow to.
    seen
        For each node the cell after which it was first seen.
    cells
        The cells with live nodes.
    saved
        What the nodes saved in memory that watched variables can write to.
    same
        The paths whose `grad_fn` is the one of the last look; empty if no bytes changed.
    spent
        The saved tensors that had been overwritten, and that a backward has released since the last look.
    is_cut
        Whether the time or stack limit was reached before all graphs were read.
    unread
        The nodes that made watched tensors and whose graphs were not fully read.
    freed
        Which graphs a backward has freed a part of.
    is_mixed
        Whether graphs of several threads were found, whose sequence numbers collide.
    """

    inputs: dict[int, tuple[int, ...]] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    cells: set[int] = field(default_factory=set)
    saved: dict[int, list[TrackedTensor]] = field(default_factory=dict)
    same: frozenset[str] = frozenset()
    spent: list[SavedTensor] = field(default_factory=list)
    is_cut: bool = False
    is_mixed: bool = False
    unread: frozenset[int] = frozenset()
    _roots: dict[int, list[str]] = field(default_factory=dict)
    freed: FreedGraphs = field(default_factory=FreedGraphs)
    _leaves: dict[int, frozenset[int]] = field(default_factory=dict)
    _partly: dict[int, int | None] = field(default_factory=dict)
    _effort: float = 0.0

    @property
    def tells_none(self) -> bool:
        """Whether no path's graph is known to be fully read."""
        return self.is_mixed or (self.is_cut and not self.unread)

    @property
    def cut(self) -> tuple[str, ...]:
        """The paths whose graphs were not fully read."""
        return tuple(path for number in sorted(self.unread) for path in self._roots.get(number, ()))

    def fate(self, node: int) -> Ending:
        """Return why the hazard at a node ended."""
        if node not in self.inputs:
            return "graph-gone"
        return "bytes-back" if self.saved.get(node) else "backward-done"

    def copy_of_saved(self) -> Graphs:
        """Return graphs that know what the nodes saved, to be looked at while a cell runs."""
        saved = {number: [*map(copy, kept)] for number, kept in self.saved.items()}
        return Graphs(inputs={**self.inputs}, seen={**self.seen}, saved=saved)

    def look(
        self,
        roots: Iterable[Root],
        recorder: SaveRecorder,
        rewritten: set[int],
        moved: Mapping[int, Reading] = NOTHING_MOVED,
        *,
        is_same: bool = False,
    ) -> tuple[Overwritten, ...]:
        """Return the saved tensors that were overwritten.

        Parameters
        ----------
        roots
            The watched non-leaf tensors, with their paths.
        rewritten
            The storages whose bytes the last cell changed.
        moved
            The tensors that it gave other memory, by the serial of the object.
        is_same
            Whether the roots and their nodes are those of the last look.
        """
        self.spent.clear()
        if is_same and not (rewritten or self.is_cut or self.freed.half or self._suspects()):
            self.same = frozenset()
            return ()
        clashes: set[int] = set()
        nodes = nodes_of(roots, self._roots, clashes)
        self.same = self._with_the_same_history(nodes) if rewritten else frozenset()
        earlier = self._roots
        survey = self.freed.survey(nodes, earlier, recorder.deadline)
        self._follow(nodes, recorder, clashes, survey)
        self.freed.look(nodes, survey, earlier, self.seen, recorder.deadline)
        self.is_mixed = bool(clashes)
        for one in chain.from_iterable(self.saved.values()) if moved else ():
            if one.thing in moved:
                one.move_to(moved[one.thing], recorder.known.digest_of(moved[one.thing]))
        for kept in self.saved.values() if rewritten else ():
            _compare(kept, rewritten, recorder.known)
        suspects = self._suspects()
        return tuple(self._confirm(nodes, suspects, recorder)) if suspects else ()

    def _suspects(self) -> set[int]:
        """Return the nodes with an overwritten saved tensor."""
        return {number for number, kept in self.saved.items() if any(one.has_moved() for one in kept)}

    def _with_the_same_history(self, nodes: Mapping[int, MakerNode]) -> frozenset[str]:
        found: list[str] = []
        for number in nodes.keys() & self._roots.keys():
            now, then = nodes[number].paths, self._roots[number]
            found += now if now == then else {*now} & {*then}
        return frozenset(found)

    def made_before(self, number: int, paths: Iterable[str]) -> frozenset[str]:
        """Return the paths whose `grad_fn` is older than the node of a sequence number."""
        asked = {*paths}
        made = (several for node, several in self._roots.items() if node < number)
        return frozenset(path for several in made for path in several if path in asked) if asked else frozenset()

    def is_used(self, path: str) -> bool:
        """Return whether a live node uses the output of a path's `grad_fn`."""
        makers = {number for number, paths in self._roots.items() if path in paths}
        return any(not makers.isdisjoint(below) for below in self.inputs.values())

    def users(self) -> Mapping[str, frozenset[str]]:
        """Map the paths whose outputs live nodes use to the paths of these nodes, empty where no path leads there."""
        found: dict[str, set[str]] = {}
        for user, below in self.inputs.items():
            for path in (path for number in below for path in self._roots.get(number, ())):
                found.setdefault(path, set()).update(self._roots.get(user) or ("",))
        return {path: frozenset(several) for path, several in found.items()}

    def _follow(
        self, nodes: dict[int, MakerNode], recorder: SaveRecorder, clashes: set[int], survey: GraphSurvey
    ) -> None:
        """Read new nodes, and forget nodes that no root reaches; no backward gets below those that one has freed."""
        for number in self._strangers(nodes):
            clashes.add(number)
            del nodes[number]
        roots = {number: one.paths for number, one in nodes.items()}
        is_same, self._roots = roots.keys() == self._roots.keys(), roots
        if self.is_cut and not is_same:
            self._forget_all_but(self._reached(roots))
        if not is_same or (self.is_cut and self._can_go_on(recorder)):
            began = perf_counter()
            self._read(nodes, recorder, clashes, survey)
            self._effort = perf_counter() - began
            self.cells = {*self.seen.values()}

    def _can_go_on(self, recorder: SaveRecorder) -> bool:
        """Return whether the time limit allows getting past the point where the last look stopped."""
        is_full = len(self.inputs) >= MAX_NODES or self._kept >= MAX_SAVED
        return not is_full and recorder.deadline - perf_counter() > GO_ON * self._effort

    @property
    def _kept(self) -> int:
        return sum(map(len, self.saved.values()))

    def _read(
        self, nodes: Mapping[int, MakerNode], recorder: SaveRecorder, clashes: set[int], survey: GraphSurvey
    ) -> None:
        """Read the graphs, those not fully read first."""
        had, known = {*self.inputs}, set() if self.is_cut else {*self.inputs}
        left = {number: one for number, one in nodes.items() if number in self.unread}
        ordered = {number: one for number, one in nodes.items() if number not in left} | left
        walk = walk_nodes(ordered, known, clashes=clashes, survey=survey)
        self.is_cut = not self._note_all(walk, recorder, survey)
        self.unread = frozenset(self._unfinished() & nodes.keys()) if self.is_cut or self._partly else frozenset()
        if had and not self.is_cut:
            self._forget_all_but(self._still_reached(had))

    def _note_all(self, walk: WalkedNodes, recorder: SaveRecorder, survey: GraphSurvey) -> bool:
        """Record what new nodes saved; return whether all were recorded."""
        count, partly = self._kept, self._partly
        inputs, seen, cell, deadline = self.inputs, self.seen, recorder.cell, recorder.deadline
        for turn, (number, node, kind, below) in enumerate(walk, 1):
            first = partly.get(number) or 0 if partly else 0
            if number in inputs and not first:
                if is_late(turn, deadline):
                    return False
                continue
            if count >= MAX_SAVED or is_enough(len(inputs), deadline):
                return False
            inputs[number] = below
            if number not in seen:
                seen[number] = cell
            if not kind.saved:
                continue
            noted = recorder.note(node, number, kind, survey.saves_of(number, node), first)
            if noted is not NOTHING_SAVED or partly:
                count += len(noted.found)
                if not self._put(number, noted):
                    return False
        return True

    def _put(self, number: int, noted: NotedSaves) -> bool:
        """Store what a node saved; return whether it was complete."""
        if noted.found:
            self.saved.setdefault(number, []).extend(noted.found)
        self._partly.pop(number, None)
        if not noted.is_whole:
            self._partly[number] = noted.next
        return noted.next is None

    def _unfinished(self) -> set[int]:
        """Return the nodes from which an unread node is reachable."""
        above: dict[int, list[int]] = {}
        waiting = [*(self._roots.keys() - self.inputs.keys()), *self._partly]
        for number, below in self.inputs.items():
            for one in below:
                above.setdefault(one, []).append(number)
        waiting += [one for one in above if one not in self.inputs and one != LEAF_NUMBER]
        found: set[int] = set()
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                waiting += above.get(number, ())
        return found

    def _strangers(self, nodes: Mapping[int, MakerNode]) -> set[int]:
        """Return the new roots whose sequence number belongs to another known node."""
        new = nodes.keys() & self.inputs.keys() - self._roots.keys()
        below = {one: next(walk_nodes({one: nodes[one]}, set()))[3] for one in new if self.inputs[one]}
        return {one for one, its_inputs in below.items() if its_inputs != self.inputs[one]}

    def _reached(self, roots: Iterable[int], lowest: int = 0) -> set[int]:
        reached: set[int] = set()
        waiting = list(roots)
        while waiting:
            number = waiting.pop()
            if number >= lowest and number not in reached:
                reached.add(number)
                waiting.extend(self.inputs.get(number, ()))
        return reached

    def _still_reached(self, earlier: set[int]) -> set[int]:
        """Return the nodes that roots reach, given those that were known before this look: all others were just met."""
        new = self.inputs.keys() - earlier
        below = earlier.intersection(chain.from_iterable([self.inputs[number] for number in new]))
        return new | self._reached([*below, *(self._roots.keys() & earlier)])

    def _forget_all_but(self, reached: set[int]) -> None:
        gone = self.inputs.keys() - reached
        if 2 * len(gone) > len(self.inputs):  # as after each training step
            self.inputs = {number: self.inputs[number] for number in self.inputs if number in reached}
            self.seen = {number: self.seen[number] for number in self.inputs}
        else:
            for number in gone:
                del self.inputs[number], self.seen[number]
        for number in (self.saved.keys() | self._partly.keys()) & gone:
            self.saved.pop(number, None)
            self._partly.pop(number, None)

    def _confirm(
        self, nodes: Mapping[int, MakerNode], suspects: set[int], recorder: SaveRecorder
    ) -> Iterator[Overwritten]:
        """Check suspects against the live nodes: a saved tensor released by backward cannot fail any more.

        Of all nodes that saved the same tensor, the one that backward runs first is reported, with the roots of all.
        """
        savers = self._savers_of(suspects)
        if not self._are_held(nodes, {several[-1][0] for several in savers.values()}):
            self._are_held(nodes, suspects, prune=False)
            savers = self._savers_of(suspects)
        roots = self._roots_of({number for several in savers.values() for number, _ in several})
        every = {root for several in roots.values() for root in several}
        self._find_leaves(nodes, every, recorder)
        below = {root: self._reached([root], min(every)) & every - {root} for root in every}
        for *others, (number, one) in savers.values():
            asked = dict.fromkeys(chain(roots[number], *(roots[other] for other, _ in reversed(others))))
            origins = {path: self._origin_of(root, below[root] & asked.keys())
                       for root in asked for path in self._roots[root]}  # fmt: skip
            yield Overwritten(
                saved=one.saved,
                version=one.version,
                roots=tuple(origins),
                is_moved=one.is_moved,
                origins=origins,
                others=tuple(other for other, _ in others if other != number),
            )

    def _origin_of(self, root: int, below: Iterable[int]) -> RootOrigin:
        through = tuple(self._roots[one][0] for one in sorted(below))
        return RootOrigin(
            cell=self.seen.get(root, 0), sequence=root, leaves=self._leaves.get(root, _ANY_LEAF), through=through
        )

    def kept(self) -> Iterator[Overwritten]:
        """Yield what the nodes saved, with the version that it has now."""
        roots = self._roots_of(set(self.saved))
        for number, several in self.saved.items():
            paths = {path: self._origin_of(root, ()) for root in roots[number] for path in self._roots[root]}
            for one in several if paths else ():
                yield Overwritten(saved=one.saved, version=one.version, roots=tuple(paths), origins=paths)

    def _find_leaves(self, nodes: Mapping[int, MakerNode], roots: set[int], recorder: SaveRecorder) -> None:
        """Find the leaves below some roots, once for each root."""
        known = {root: leaves for root, leaves in self._leaves.items() if root in self._roots}
        new = roots - known.keys()
        found = leaves_of_nodes({root: nodes[root] for root in new}, recorder.storages, self.inputs) if new else {}
        for root in new:
            below = (found.get(number, ()) for number in self._reached([root]))
            known[root] = frozenset([0] if root in self.unread else []).union(*below)
        self._leaves = known

    def _savers_of(self, suspects: set[int]) -> dict[object, list[tuple[int, TrackedTensor]]]:
        """Return, for each overwritten tensor, the nodes that saved it; backward runs the last of them first."""
        found: dict[object, list[tuple[int, TrackedTensor]]] = {}
        for number in sorted(suspects):
            for one in self.saved.get(number, ()):
                if one.has_moved():
                    found.setdefault(one.fact, []).append((number, one))
        return found

    def _are_held(self, nodes: Mapping[int, MakerNode], numbers: set[int], *, prune: bool = True) -> bool:
        """Return whether nodes still hold all they saved, and forget what they released.

        A node is nearly always made after those below it, so most of a graph can be skipped.
        """
        is_all, left = True, set(numbers)
        for number, node, kind, _ in walk_nodes(nodes, set(), lowest=min(numbers) if prune else 0, only=self.inputs):
            if number in left:
                left.remove(number)
                held = {(one.name, one.place): one.tensor for one in kept_in(node, kind, set())}
                still = [one for one in self.saved[number] if one.is_in(held)]
                self.spent += (one.saved for one in self.saved[number] if one.differs and not one.is_in(held))
                is_all, self.saved[number] = is_all and len(still) == len(self.saved[number]), still
            if not left:
                return is_all
        for number in left if not prune else ():
            self.saved.pop(number)
        return False

    def _roots_of(self, numbers: set[int]) -> dict[int, list[int]]:
        """Return the roots that reach each node, the latest first."""
        found: dict[int, list[int]] = {number: [] for number in numbers}
        for root in sorted(self._roots, reverse=True)[:MAX_ROOTS] if found else ():
            for number in self._reached([root], min(numbers)) & numbers:
                found[number].append(root)
        return found


def _compare(kept: Sequence[TrackedTensor], rewritten: set[int], known: KnownBytes) -> None:
    """Compare a node's saved tensors with their digests, if they were written."""
    found = [one for one in kept if one.saved.reading.storage in rewritten]
    for one in found:
        one.compare(known.digest_of(one.saved.reading))
    if found:
        ignore_masked_writes(kept, known)
