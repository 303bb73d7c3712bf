"""Which state the ranks have in common, what they once had, and where they parted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..records.path import is_part_of
from ..runtime.grouped import tally
from ..runtime.record import field, mutable, record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .rank_report import RankReport
    from .state_leaf import BranchKey, StateLeaf

    SameRanks = tuple[int, ...]  # the first of them speaks for all
    Differing = Mapping[str, Mapping[SameRanks, StateLeaf | None]]

MAX_REUNIONS = 2
"""State that parts and becomes one again so often is averaged at times by design."""
BY_HAND = frozenset({"direct", "call", "alias", "outside"})
"""Causes that are no training: without a group, ranks may train apart by design."""
_TRAINING = frozenset({"optimizer", "backward"})


class Renewal(NamedTuple):
    """When a parameter was replaced: the numbers of the cell on the ranks, its count, and what did it."""

    numbers: Mapping[int, int]
    cell: int
    leaf: StateLeaf


@mutable
class ReplicaLedger:
    """What is known of the ranks' state after each cell.

    Attributes
    ----------
    equal
        By branch: for each rank, the number of the last cell after which the branch was equal on all ranks.
    all_equal
        The same for the whole state.
    parted
        By branch, how its tensors parted, by path.
    apart
        What is another thing on each rank by design, by path, each with the number of the cell that bound its variable.
    renewed
        The parameters that were replaced: they are no longer what was equal.
    reunions
        How often the tensors of a branch parted and became one again.
    ranks
        All ranks of the last cell.
    """

    equal: dict[BranchKey, dict[int, int]] = field(default_factory=dict)
    all_equal: dict[int, int] = field(default_factory=dict)
    parted: dict[BranchKey, dict[str, Parting]] = field(default_factory=dict)
    apart: dict[str, tuple[Replica, int]] = field(default_factory=dict)
    renewed: dict[str, Renewal] = field(default_factory=dict)
    reunions: dict[BranchKey, int] = field(default_factory=dict)
    branches: dict[BranchKey, bool] = field(default_factory=dict)
    ranks: SameRanks = ()

    def note_all_equal(self, reports: Sequence[RankReport]) -> tuple[BranchKey, ...]:
        """Note that the whole state is equal; return the branches that are one again."""
        self.all_equal = {one.rank: one.number for one in reports}
        self.ranks = tuple(self.all_equal)
        self.branches = dict.fromkeys(self.branches, True)
        return self._unite([*self.parted])

    def note_equal(self, keys: Sequence[BranchKey], reports: Sequence[RankReport]) -> tuple[BranchKey, ...]:
        """Note that some branches are equal; return those that are one again."""
        counts = {one.rank: one.number for one in reports}
        self.ranks = tuple(counts)
        self.equal.update(dict.fromkeys(keys, counts))
        self.branches.update(dict.fromkeys(keys, True))
        return self._unite(keys)

    def note_differing(self, key: BranchKey, differing: Differing, reports: Sequence[RankReport]) -> list[Parting]:
        """Note tensors of a branch that differ; return how those parted that had been one, if that is news."""
        cell, is_grouped = reports[0].cell.count, reports[0].world > 1
        self.branches[key] = False
        known, news = self.parted.setdefault(key, {}), []
        for path, sides in differing.items():
            present = [one for one in sides.values() if one is not None]
            if path in known or self.apart.get(path, (None, -1))[1] == present[0].born:
                continue
            if key.kind == "parameter" and any(one.is_renewed for one in present):
                self.renewed[path] = Renewal({one.rank: one.number for one in reports}, cell, present[0])
            if kind := self._kind_apart(key, sides, is_grouped=is_grouped):
                ranks = tuple(sorted(rank for several in sides for rank in several))
                self.apart[path] = Replica(path=path, kind=kind, equal=False, ranks=ranks), present[0].born
            elif parting := self._parting(key, path, sides, cell, is_grouped=is_grouped):
                news.append(parting)
        news = _on_the_same_side(news, {one.rank for one in reports})
        is_first = not known
        known.update({one.path: one for one in news})
        return news if is_first and self.reunions.get(key, 0) < MAX_REUNIONS else []

    def replicas(self) -> tuple[Replica, ...]:
        """Return what parted, then each variable, then each tensor that is another thing on each rank by design."""
        apart = [one for one, _ in self.apart.values()]
        parted = [
            Replica(path=path, kind="replica", equal=False, ranks=self.ranks, parted=one)
            for several in self.parted.values()
            for path, one in several.items()
        ]
        whole: dict[str, Replica] = {}
        for (name, _), is_equal in self.branches.items():
            kinds = {one.kind for one in apart if is_part_of(one.path, name) or one.path == name}
            kind: ReplicaKind = "replica" if is_equal else "shard" if "shard" in kinds else "local"
            if name not in whole or whole[name].equal:
                whole[name] = Replica(path=name, kind=kind, equal=is_equal, ranks=self.ranks)
        told = {key.name for key, several in self.parted.items() if several}
        return (*parted, *(one for one in whole.values() if one.path not in told), *apart)

    def _unite(self, keys: Sequence[BranchKey]) -> tuple[BranchKey, ...]:
        united = tuple(key for key in keys if self.parted.pop(key, None))
        for key in united:
            self.reunions[key] = self.reunions.get(key, 0) + 1
        return tuple(key for key in united if self.reunions[key] <= MAX_REUNIONS)

    def _parting(
        self, key: BranchKey, path: str, sides: Mapping[SameRanks, StateLeaf | None], cell: int, *, is_grouped: bool
    ) -> Parting | None:
        present = {ranks: one for ranks, one in sides.items() if one is not None}
        leaves = [*present.values()]
        is_everywhere = len(present) == len(sides)
        ranks = _minority(sides)
        writer = next((one for one in _first(present, ranks) if one.line), leaves[0])
        renewed = self.renewed.get(path)
        numbers = renewed.numbers if renewed else {}
        born = {several[0]: max(one.born, numbers.get(several[0], 0)) for several, one in present.items()}
        if self._was_equal(key, born):
            is_meant = is_grouped or any(one.cause in BY_HAND for one in leaves)
            if not is_meant or not (is_everywhere or key.kind == "state"):
                return None
            return Parting(ranks=ranks, cell=cell, line=writer.line, text=writer.text, path=path)
        if is_everywhere and key.kind == "parameter" and _are_meant_equal(leaves):
            if leaves[0].is_wrapped:
                return Parting(ranks=ranks, cell=cell, line=writer.line, text=writer.text, path=path)
            first = leaves[0]
            if renewed and renewed.cell > first.born_cell:
                made = renewed.leaf
                return Parting(ranks=ranks, cell=renewed.cell, line=made.line, text=made.text, path=path)
            return Parting(ranks=ranks, cell=first.born_cell, line=first.born_line, text=first.born_text, path=path)
        return None

    def _kind_apart(
        self, key: BranchKey, sides: Mapping[SameRanks, StateLeaf | None], *, is_grouped: bool
    ) -> ReplicaKind | None:
        """Return what tensors are that differ by design, for ever; None if they may be replicas.

        A plain tensor is local unless it was once equal, and ranks without a group are no replicas of each other.
        """
        leaves = [one for one in sides.values() if one is not None]
        if any(one.is_shard for one in leaves):
            return "shard"
        if key.kind == "plain":
            born = {ranks[0]: one.born for ranks, one in sides.items() if one is not None}
            return None if is_grouped and len(born) == len(sides) and self._was_equal(key, born) else "local"
        is_own = key.kind == "buffer" and any(one.cause == "module" for one in leaves)
        is_another = key.kind != "parameter" and any(one.is_renewed for one in leaves)
        return "local" if is_own or is_another else None

    def _was_equal(self, key: BranchKey, born: Mapping[int, int]) -> bool:
        """Return whether a branch was once equal on all ranks and its variable is still the same.

        `born` holds, for some ranks, the number of the cell that bound the variable.
        """
        return any(
            counts and all(born[rank] <= counts.get(rank, -1) for rank in born)
            for counts in (self.equal.get(key, {}), self.all_equal)
        )


def _are_meant_equal(leaves: Sequence[StateLeaf]) -> bool:
    """Return whether parameters that never were equal are trained as one: wrapped, or with equal gradients."""
    gradients = {one.gradient for one in leaves}
    return all(one.is_wrapped for one in leaves) or (len(gradients) == 1 and gradients != {b""})


def _minority(sides: Mapping[SameRanks, StateLeaf | None]) -> SameRanks:
    """Return the ranks that differ from most others.

    Of two equal halves, those that did what the others did not; a training step, all should have done.
    """
    most = min(sides, key=lambda ranks: (-len(ranks), min(ranks)))
    if len({len(ranks) for ranks in sides}) == 1 < len(sides):
        wrote = [ranks for ranks, one in sides.items() if one is not None and one.line]
        trained = any(one is not None and one.cause in _TRAINING for one in sides.values())
        if len(wrote) < len(sides):
            most = min((ranks for ranks in sides if (ranks in wrote) == trained), default=most)
    return tuple(sorted(rank for ranks in sides if ranks != most for rank in ranks))


def _on_the_same_side(news: Sequence[Parting], everyone: set[int]) -> list[Parting]:
    """Return partings in which of two halves the same one differs, that of most tensors."""
    times = tally(one.ranks for one in news)
    known = max(times, key=times.__getitem__, default=())
    halves = [len(one.ranks) * 2 == len(everyone) and everyone == {*known, *one.ranks} for one in news]
    return [replace(one, ranks=known) if is_half else one for one, is_half in zip(news, halves, strict=True)]


def _first(present: Mapping[SameRanks, StateLeaf], ranks: SameRanks) -> list[StateLeaf]:
    """Return the leaves of some ranks before those of the others."""
    return sorted(
        present.values(), key=lambda one: next(r for r, leaf in present.items() if leaf is one)[0] not in ranks
    )


ReplicaKind = Literal["replica", "shard", "local"]


@record
class Parting:
    """How the ranks of one tensor parted.

    Attributes
    ----------
    ranks
        Those that differ from most of the others.
    cell, line, text
        The statement of the cell after which they differed; line 0 if none is known to have written.
    max_abs
        The largest difference; None if it is not known.
    """

    ranks: tuple[int, ...]
    cell: int
    line: int = 0
    text: str = ""
    path: str
    max_abs: float | None = None


@record
class Replica:
    """A tensor, or a container of tensors, on several ranks."""

    path: str
    kind: ReplicaKind
    equal: bool
    ranks: tuple[int, ...]
    parted: Parting | None = None
