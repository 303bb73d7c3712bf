"""Compare the state of the ranks by digests, and ask for more only where these differ."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...core.ranks.replica_ledger import ReplicaLedger
from ...core.runtime.record import field, mutable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...core.ranks.rank_report import RankReport
    from ...core.ranks.replica_ledger import Parting, SameRanks
    from ...core.ranks.state_leaf import BranchDigest, BranchKey, DigestRun, StateLeaf
    from .engines import Engines

MAX_SIDES = 64
"""How many different states are looked into."""
MAX_LEAVES = 64
"""How many tensors of a branch are looked into."""
MAX_AMOUNTS = 4
"""How many tensors are compared element by element."""
FEW = 16


@mutable(eq=False)
class StateComparison:
    """The state of the ranks, compared after each cell.

    Attributes
    ----------
    ledger
        What is known of it.
    last
        For each rank, the number of the last cell.
    """

    engines: Engines
    ledger: ReplicaLedger = field(default_factory=ReplicaLedger)
    last: dict[int, int] = field(default_factory=dict)
    _seen: dict[BranchKey, object] = field(default_factory=dict)
    _whole: dict[int, bytes] = field(default_factory=dict)
    _equal: Sequence[BranchKey] = ()

    def compare(self, reports: Sequence[RankReport]) -> tuple[list[Parting], tuple[BranchKey, ...]]:
        """Return how replicas parted in the last cell, and which branches are one again."""
        if len(reports) < 2 or not all(one.digest for one in reports):  # noqa: PLR2004  (one rank has no other)
            return [], ()
        sides = _sides_of(reports)
        self.last = {one.rank: one.number for one in reports}
        if len(sides) == 1:
            return [], self.ledger.note_all_equal(reports)
        whole = {one.rank: one.digest for one in reports}
        if whole == self._whole:
            return [], self.ledger.note_equal(self._equal, reports)
        several = self._ask("state_digests", dict.fromkeys(sides, ()), sides)
        if several.keys() != sides.keys():
            return [], ()
        keys = dict.fromkeys(key for digests in several.values() for key in digests)
        equal = [key for key in keys if len({several[ranks].get(key) for ranks in sides}) == 1]
        self._whole, self._equal = whole, equal
        united = self.ledger.note_equal(equal, reports)
        partings = [
            parting
            for key in keys
            if key not in equal
            for parting in self._look_into(key, {ranks: several[ranks].get(key) for ranks in sides}, sides, reports)
        ]
        return self._measured(partings, sides), united

    def name_equal(self) -> None:
        """Ask for the names of what is equal on all ranks, which nobody had to tell yet."""
        speaker = min(self.engines.joined, default=None)
        told = self.engines.ask("state_digests", {} if speaker is None else {speaker: ()})
        if self.ledger.all_equal == self.last:
            self.ledger.branches = dict.fromkeys((key for one in told.values() for key in one), True)

    def _look_into(
        self,
        key: BranchKey,
        digests: dict[SameRanks, BranchDigest | None],
        sides: dict[SameRanks, int],
        reports: Sequence[RankReport],
    ) -> list[Parting]:
        """Find the tensors of a branch that differ, and what they are."""
        if self._seen.get(key) == digests:
            return []
        self._seen[key] = digests
        counts = {one.tensors for one in digests.values() if one is not None}
        present = {ranks: sides[ranks] for ranks, one in digests.items() if one is not None}
        if len(counts) == 1 and len(present) == len(sides):
            runs = self._differing_runs(key, counts.pop(), present)
        else:
            runs = [(0, MAX_LEAVES)]
        told = self._ask("state_leaves", dict.fromkeys(present, (key, runs)), sides)
        paths = dict.fromkeys(leaf.path for leaves in told.values() for leaf in leaves)
        differing = {path: _by_side(path, told, [*sides]) for path in paths}
        differing = {path: one for path, one in differing.items() if len(one) > 1}
        known = dict(self.ledger.apart)
        partings = self.ledger.note_differing(key, differing, reports)
        fresh = [path for path, one in self.ledger.apart.items() if known.get(path) != one]
        if fresh:
            self._seen.pop(key)
            self.engines.ask("leave_out", dict.fromkeys(self.engines.joined, (fresh,)))
        return partings

    def _differing_runs(self, key: BranchKey, count: int, sides: dict[SameRanks, int]) -> list[tuple[int, int]]:
        """Return the runs of few tensors that differ."""
        found: list[tuple[int, int]] = []
        wide = [(0, count)]
        while wide and len(found) * FEW < MAX_LEAVES:
            first, end = wide.pop(0)
            if end - first <= FEW:
                found.append((first, end))
                continue
            told = self._ask("state_runs", dict.fromkeys(sides, (key, first, end)), sides)
            parts: list[tuple[DigestRun, ...]] = [*zip(*told.values(), strict=False)]
            wide[:0] = [(run[0].first, run[0].end) for run in parts if len({one.digest for one in run}) > 1]
        return found

    def _measured(self, partings: list[Parting], sides: dict[SameRanks, int]) -> list[Parting]:
        """Add by how much tensors differ."""
        measured = []
        for one in partings[:MAX_AMOUNTS]:
            told: list[list[float]] = [*self._ask("state_values", dict.fromkeys(sides, (one.path,)), sides).values()]
            amount = _largest_difference(told)
            measured.append(replace(one, max_abs=amount))
            for known in self.ledger.parted.values():
                if one.path in known:
                    known[one.path] = measured[-1]
        return [*measured, *partings[MAX_AMOUNTS:]]

    def _ask(
        self, question: str, asked: dict[SameRanks, tuple[Any, ...]], sides: dict[SameRanks, int]
    ) -> dict[SameRanks, Any]:
        """Ask one rank of each side."""
        answers = self.engines.ask(question, {sides[ranks]: words for ranks, words in asked.items()})
        return {ranks: answers[sides[ranks]] for ranks in asked if sides[ranks] in answers}


def _sides_of(reports: Sequence[RankReport]) -> dict[SameRanks, int]:
    """Group the ranks by their digest, each group with the engine that speaks for it."""
    ranks: dict[bytes, list[int]] = {}
    engines: dict[bytes, int] = {}
    for one in reports:
        ranks.setdefault(one.digest, []).append(one.rank)
        engines.setdefault(one.digest, one.engine)
    return {tuple(ranks[digest]): engines[digest] for digest in [*ranks][:MAX_SIDES]}


def _by_side(
    path: str, told: dict[SameRanks, list[StateLeaf]], sides: Sequence[SameRanks]
) -> dict[SameRanks, StateLeaf | None]:
    """Return a tensor by the ranks on which it is equal."""
    leaves: dict[bytes | None, StateLeaf | None] = {}
    ranks: dict[bytes | None, list[int]] = {}
    for side in sides:
        leaf = next((one for one in told.get(side, ()) if one.path == path), None)
        digest = leaf.digest if leaf else None
        leaves.setdefault(digest, leaf)
        ranks.setdefault(digest, []).extend(side)
    return {tuple(ranks[digest]): leaf for digest, leaf in leaves.items()}


def _largest_difference(told: Sequence[Sequence[float]]) -> float | None:
    """Return the largest difference between two ranks; None if they cannot be compared."""
    if len(told) < 2 or len({len(one) for one in told}) > 1 or not told[0]:  # noqa: PLR2004  (two sides)
        return None
    return max(map(_spread, zip(*told, strict=True)))


def _spread(several: Sequence[float]) -> float:
    return max(several) - min(several)
