"""Follow the graphs of the watched tensors: what their nodes saved, and whether it is still the same.

A graph is as dear as what it saved. So nothing of it is held from one look to the next: numbers stand for its nodes,
and a tensor without memory shares the version counter of what was saved.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core.saved import Overwritten, SavedTensor
from .nodes import kept_in, kind_of
from .read import read
from .saving import Followed, Sight, digest_of, share_counter
from .torch_private import LEAF_NUMBER, plain_reads, storage_address, user_modes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import torch

    from .fingerprint import Mark
    from .identity import StorageSerials
    from .nodes import Kept, Kind

    Root = tuple[str, torch.Tensor]

MAX_ROOTS = 16
"""Of how many roots it is told that their backward is in danger."""
CLOCK_EVERY = 256
"""How many nodes are read between two looks at the clock."""


class _Seen(NamedTuple):
    """A tensor that many nodes may have saved, kept for one look so that its address stays its own."""

    tensor: torch.Tensor
    sight: Sight | None


@dataclass(frozen=True, slots=True)
class Aids:
    """What it takes to note a saved tensor.

    Attributes
    ----------
    marks
        What is known of the bytes of the storages.
    deadline
        When to stop reading new nodes.
    """

    storages: StorageSerials
    marks: Mapping[int, Mark]
    cell: int
    deadline: float
    _known: dict[int, _Seen] = field(default_factory=dict)

    def note(self, node: Any, number: int, kept: Kept) -> Followed | None:  # noqa: ANN401
        """Note a saved tensor; None where nobody watched shares its memory, so that nobody can write to it."""
        try:
            known = self._known.get(id(kept.tensor))
            if known is None:
                known = self._known[id(kept.tensor)] = self._look_at(kept.tensor)
            if known.sight is None:
                return None
            saved = SavedTensor(
                op=kind_of(node).name(node),
                argument=kept.place[0],
                sequence=number,
                place=kept.place[1],
                cell=self.cell,
                reading=known.sight.reading,
                version=kept.saved_version(node),
                is_checked=kept.check is not None,
            )
        except Exception:  # noqa: BLE001  (an odd tensor must not cost the others: sparse, wrapped, without a counter)
            return None
        return Followed(saved, known.sight.counter, known.sight.digest if kept.is_read(node, saved.op) else None)

    def _look_at(self, tensor: torch.Tensor) -> _Seen:
        storage = self.storages.at(storage_address(tensor.untyped_storage()))
        if storage is None:
            return _Seen(tensor, None)
        reading = read(tensor, "saved", 0, self.storages)
        return _Seen(tensor, Sight(reading, share_counter(tensor), digest_of(reading, self.marks.get(storage))))


@dataclass(slots=True)
class Graphs:
    """What is remembered of all graphs, by the numbers of their nodes.

    Attributes
    ----------
    inputs
        For each node the numbers of the nodes that its gradients flow to.
    saved
        What the nodes saved in memory that somebody watched can write to.
    is_cut
        Whether time was up before all of the graphs were read.
    """

    inputs: dict[int, tuple[int, ...]] = field(default_factory=dict)
    saved: dict[int, list[Followed]] = field(default_factory=dict)
    is_cut: bool = False
    _roots: dict[int, list[str]] = field(default_factory=dict)

    @property
    def cells(self) -> set[int]:
        """The cells of which saved tensors are followed."""
        return {one.saved.cell for kept in self.saved.values() for one in kept}

    def look(self, roots: Iterable[Root], aids: Aids, rewritten: set[int]) -> tuple[Overwritten, ...]:
        """Find what was saved and is no longer the same.

        Parameters
        ----------
        roots
            The watched tensors that were computed, with their paths.
        rewritten
            The storages whose bytes the last cell changed.
        """
        nodes = _nodes_of(roots)
        self._follow(nodes, aids)
        for one in self._of_storages(rewritten):
            one.compare(aids.marks.get(one.saved.reading.storage))
        suspects = {number for number, kept in self.saved.items() if any(one.has_moved() for one in kept)}
        return tuple(self._confirm(nodes, suspects)) if suspects else ()

    def _of_storages(self, storages: set[int]) -> Iterator[Followed]:
        for kept in self.saved.values() if storages else ():
            yield from (one for one in kept if one.saved.reading.storage in storages)

    def _follow(self, nodes: Mapping[int, tuple[Any, list[str]]], aids: Aids) -> None:
        """Read what is new, and forget what no root leads to any more."""
        roots = {number: paths for number, (_, paths) in nodes.items()}
        is_same, self._roots = not self.is_cut and roots.keys() == self._roots.keys(), roots
        if is_same:
            return
        known = set() if self.is_cut else {*self.inputs}
        self.is_cut = False
        for number, node, kind, below in _walk(nodes, known):
            if number not in self.inputs:
                if len(self.inputs) % CLOCK_EVERY == 0 and time.perf_counter() > aids.deadline:
                    self.is_cut = True
                    return
                self.inputs[number] = below
                if kept := [one for saved in kept_in(node, kind) if (one := aids.note(node, number, saved))]:
                    self.saved[number] = kept
        self._forget_all_but(self._reached(roots))

    def _reached(self, roots: Iterable[int]) -> set[int]:
        reached: set[int] = set()
        waiting = list(roots)
        while waiting:
            number = waiting.pop()
            if number not in reached:
                reached.add(number)
                waiting.extend(self.inputs.get(number, ()))
        return reached

    def _forget_all_but(self, reached: set[int]) -> None:
        for gone in self.inputs.keys() - reached:
            del self.inputs[gone]
            self.saved.pop(gone, None)

    def _confirm(self, nodes: Mapping[int, tuple[Any, list[str]]], suspects: set[int]) -> Iterator[Overwritten]:
        """Look at the suspect nodes themselves: what backward has let go of cannot fail any more.

        Of the nodes that saved one and the same tensor, the one that backward runs first tells for all.
        """
        broken: dict[int, list[Followed]] = {}
        left = set(suspects)
        for number, node, kind, _ in _walk(nodes, set()):
            if number in left:
                left.remove(number)
                held = {saved.place: saved.tensor for saved in kept_in(node, kind)}
                self.saved[number] = [one for one in self.saved[number] if one.is_in(held)]
                broken[number] = [one for one in self.saved[number] if one.has_moved()]
            if not left:
                break
        roots = self._roots_of(broken.keys())
        told = {(one.fact, tuple(roots[number])): one for number in sorted(broken) for one in broken[number]}
        for (_, paths), one in told.items():
            yield Overwritten(saved=one.saved, version=one.version, roots=paths)

    def _roots_of(self, numbers: Iterable[int]) -> dict[int, list[str]]:
        """Find the paths that lead to nodes, the latest first."""
        found: dict[int, list[str]] = {number: [] for number in numbers}
        for root in sorted(self._roots, reverse=True)[:MAX_ROOTS] if found else ():
            for number in self._reached([root]) & found.keys():
                found[number] += self._roots[root]
        return found


def _nodes_of(roots: Iterable[Root]) -> dict[int, tuple[Any, list[str]]]:
    """Give the nodes that made the roots, with the paths to each; under a mode of the user's, none."""
    found: dict[int, tuple[Any, list[str]]] = {}
    if user_modes():
        return found
    with plain_reads():
        for path, tensor in roots:
            node = tensor.grad_fn
            if node is not None:
                found.setdefault(kind_of(node).number(node), (node, []))[1].append(path)
    return found


def _walk(
    nodes: Mapping[int, tuple[Any, list[str]]], known: set[int]
) -> Iterator[tuple[int, Any, Kind, tuple[int, ...]]]:
    """Go through nodes and those below, each once, with the numbers of those straight below.

    What is known is passed by with all that is below it.
    """
    waiting = [(number, node) for number, (node, _) in nodes.items()]
    known.add(LEAF_NUMBER)
    while waiting:
        number, node = waiting.pop()
        if number not in known:
            known.add(number)
            kind = kind_of(node)
            below = [(kind_of(one).number(one), one) for one, _ in kind.follow(node) if one is not None]
            yield number, node, kind, tuple([one for one, _ in below])
            waiting += below
