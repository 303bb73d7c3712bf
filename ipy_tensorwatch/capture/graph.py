"""Follow the graphs of the watched tensors: what their nodes saved, and whether it is still the same.

A graph is as dear as what it saved. So nothing of it is held from one look to the next: numbers stand for its nodes,
and a tensor without memory shares the version counter of what was saved.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..core.saved import Overwritten
from .nodes import kept_in, nodes_of, walk_nodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .nodes import Nodes, Root
    from .saving import Aids, Followed

MAX_ROOTS = 16
"""Of how many roots it is told that their backward is in danger."""
CLOCK_EVERY = 256
"""How many nodes are read between two looks at the clock."""


@dataclass(slots=True)
class Graphs:
    """What is remembered of all graphs, by the numbers of their nodes.

    Attributes
    ----------
    inputs
        For each node the numbers of the nodes that its gradients flow to.
    seen
        For each node the cell after which it was first seen.
    cells
        The cells of which nodes are alive.
    saved
        What the nodes saved in memory that somebody watched can write to.
    is_cut
        Whether time was up before all of the graphs were read.
    """

    inputs: dict[int, tuple[int, ...]] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    cells: set[int] = field(default_factory=set)
    saved: dict[int, list[Followed]] = field(default_factory=dict)
    is_cut: bool = False
    _roots: dict[int, list[str]] = field(default_factory=dict)

    def look(self, roots: Iterable[Root], aids: Aids, rewritten: set[int]) -> tuple[Overwritten, ...]:
        """Find what was saved and is no longer the same.

        Parameters
        ----------
        roots
            The watched tensors that were computed, with their paths.
        rewritten
            The storages whose bytes the last cell changed.
        """
        nodes = nodes_of(roots)
        self._follow(nodes, aids)
        for one in self._of_storages(rewritten):
            one.compare(aids.marks.get(one.saved.reading.storage))
        suspects = {number for number, kept in self.saved.items() if any(one.has_moved() for one in kept)}
        return tuple(self._confirm(nodes, suspects)) if suspects else ()

    def _of_storages(self, storages: set[int]) -> Iterator[Followed]:
        for kept in self.saved.values() if storages else ():
            yield from (one for one in kept if one.saved.reading.storage in storages)

    def _follow(self, nodes: Nodes, aids: Aids) -> None:
        """Read what is new, and forget what no root leads to any more."""
        roots = {number: paths for number, (_, paths) in nodes.items()}
        is_same, self._roots = not self.is_cut and roots.keys() == self._roots.keys(), roots
        if not is_same:
            self._read(nodes, aids)
            self.cells = {*self.seen.values()}

    def _read(self, nodes: Nodes, aids: Aids) -> None:
        known = set() if self.is_cut else {*self.inputs}
        self.is_cut = False
        for number, node, kind, below in walk_nodes(nodes, known):
            if number not in self.inputs:
                if len(self.inputs) % CLOCK_EVERY == 0 and time.perf_counter() > aids.deadline:
                    self.is_cut = True
                    return
                self.inputs[number], self.seen[number] = below, aids.cell
                if kept := aids.note(node, number, kind):
                    self.saved[number] = kept
        self._forget_all_but(self._reached(self._roots))

    def _reached(self, roots: Iterable[int], lowest: int = 0) -> set[int]:
        reached: set[int] = set()
        waiting = list(roots)
        while waiting:
            number = waiting.pop()
            if number >= lowest and number not in reached:
                reached.add(number)
                waiting.extend(self.inputs.get(number, ()))
        return reached

    def _forget_all_but(self, reached: set[int]) -> None:
        for gone in self.inputs.keys() - reached:
            del self.inputs[gone], self.seen[gone]
            self.saved.pop(gone, None)

    def _confirm(self, nodes: Nodes, suspects: set[int]) -> Iterator[Overwritten]:
        """Look at the suspect nodes themselves: what backward has let go of cannot fail any more.

        Of all nodes that saved one and the same tensor, the one that backward runs first tells for the others.
        """
        first = self._first_of(suspects)
        if not self._are_held(nodes, {number for number, _ in first.values()}):
            self._are_held(nodes, suspects, prune=False)
            first = self._first_of(suspects)
        roots = self._roots_of({number for number, _ in first.values()})
        for number, one in first.values():
            yield Overwritten(saved=one.saved, version=one.version, roots=tuple(roots[number]))

    def _first_of(self, suspects: set[int]) -> dict[object, tuple[int, Followed]]:
        """Choose for each tensor that was overwritten the node that backward runs first."""
        return {
            one.fact: (number, one)
            for number in sorted(suspects)
            for one in self.saved.get(number, ())
            if one.has_moved()
        }

    def _are_held(self, nodes: Nodes, numbers: set[int], *, prune: bool = True) -> bool:
        """Tell whether nodes still hold all that they saved, and forget what they do not.

        A node was nearly always made after those below it, so that most of a graph can be left out of the search.
        """
        is_all, left = True, set(numbers)
        for number, node, kind, _ in walk_nodes(nodes, set(), lowest=min(numbers) if prune else 0):
            if number in left:
                left.remove(number)
                held = {(name, place): tensor for name, place, tensor, _ in kept_in(node, kind)}
                still = [one for one in self.saved[number] if one.is_in(held)]
                is_all, self.saved[number] = is_all and len(still) == len(self.saved[number]), still
            if not left:
                return is_all
        for number in left if not prune else ():
            self.saved.pop(number)
        return False

    def _roots_of(self, numbers: set[int]) -> dict[int, list[str]]:
        """Find the paths that lead to nodes, the latest first."""
        found: dict[int, list[str]] = {number: [] for number in numbers}
        for root in sorted(self._roots, reverse=True)[:MAX_ROOTS] if found else ():
            for number in self._reached([root], min(numbers)) & numbers:
                found[number] += self._roots[root]
        return found
