"""Look at a namespace, and tell what differs from the last look, in names, metadata and bytes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING

from ..core.host.guard import GUARD
from ..core.model.diff import Content, Difference, diff
from ..core.model.path import AccessPath
from ..core.model.reason import BUDGET, Reason
from ..core.model.records import Coverage, Unverified
from ..core.model.snapshot import Snapshot
from .autograd.graph import Graphs
from .autograd.known_bytes import KnownBytes
from .autograd.note_saved import Aids
from .compare.borrowed_memory import Loans
from .compare.byte_history import NO_PAST, Spell
from .compare.element_diff import EXAMPLES, contrast
from .compare.fingerprints import Budget, Fingerprints, Verdict
from .objects.look_limits import EXACT_TENSORS
from .snapshot.snapshotter import Lens, Shot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..core.model.saved_tensor import Overwritten
    from .compare.byte_history import Past
    from .snapshot.snapshotter import Computed

SHORTEST, LONGEST, FIRST_READING = 0.002, 0.003, 0.005
"""The CPU seconds that looking beyond an ordinary number of tensors may take: at least, at most but for what the length
of the cell adds, and at least while some of them were never read."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """One look: the snapshot, the paths that differ with what became of their bytes, and what was left out.

    Attributes
    ----------
    overwritten
        What graphs saved for a backward, and is not what it was.
    cut
        The paths whose graphs were not read to the end.
    """

    shot: Shot
    found: tuple[tuple[Difference, Content], ...]
    verdicts: Mapping[int, Verdict]
    overwritten: tuple[Overwritten, ...] = ()
    cut: tuple[str, ...] = ()

    @cached_property
    def coverage(self) -> Coverage:
        """How much of what is watched was compared."""
        watched = self.shot.nbytes
        left_out = {storage: v.outcome for storage, v in self.verdicts.items() if v.after is None}
        missed = sum(self.shot.blocks[storage].nbytes for storage in left_out)
        unverified = dict.fromkeys(
            (
                *(Unverified(path=path, why=why) for path, why in self.shot.skipped),
                *self._not_compared(left_out),
                *(Unverified(path=path, why=Reason("graph-not-read")) for path in self.cut),
                *(
                    Unverified(path=str(path), why=reading.unknown or Reason("device", reading.device))
                    for scene in self.shot.snapshot.scenes.values()
                    for path, reading in scene.untold
                ),
            )
        )
        return Coverage(
            tensors=len(self.shot.snapshot),
            bytes=watched,
            verified_bytes=watched - missed,
            unverified=tuple(unverified),
        )

    @property
    def gone(self) -> tuple[int, ...]:
        """The storages whose memory is gone."""
        return tuple(storage for storage, verdict in self.verdicts.items() if verdict.outcome == "unreadable")

    def _not_compared(self, left_out: Mapping[int, str]) -> Iterator[Unverified]:
        """List what was not compared: path by path, or where these are many by what they hang on."""
        for scene in self.shot.snapshot.scenes.values() if left_out else ():
            missed = left_out.keys() & scene.by_storage.keys()
            places = {place: _REASONS[left_out[one]] for one in missed for place in scene.places_of(one)}
            for path, place in scene.summed_up(sorted(places), MANY):
                yield Unverified(path=path, why=places[place])


_REASONS = {
    "skipped": BUDGET,
    "moved": Reason("moved"),
    "unreadable": Reason("gone"),
}
MANY = 100
"""Of more than so many tensors in one container that were not compared, the container alone is listed."""


@dataclass(slots=True)
class Observer:
    """Looks at one namespace again and again."""

    lens: Lens = field(default_factory=Lens)
    prints: Fingerprints = field(default_factory=Fingerprints)
    graphs: Graphs = field(default_factory=Graphs)
    loans: Loans = field(default_factory=Loans)
    budget: Budget = field(default_factory=Budget)
    shot: Shot = field(default_factory=lambda: Shot(Snapshot(), {}))
    examples: int = EXAMPLES

    def look(
        self, namespace: Mapping[str, object], cell: int, patience: float = 0.0, past: Past = NO_PAST
    ) -> Observation:
        """Compare the namespace with the last look.

        Parameters
        ----------
        namespace
            The user's names.
        cell
            The count of the cell that has run.
        patience
            Seconds that may be spent on layouts that an assignment to `.data` may have changed without a trace.
        past
            What was seen of the bytes while the cell ran.
        """
        computed: list[Computed] = []
        before, shot = self.shot, self.lens.take(namespace, patience, computed, self._seconds())
        self.budget.pay(min(self.lens.spent, max(0.0, self.budget.credit / 2)))
        known = before.snapshot
        if shot.late:
            known = Snapshot(scenes={**known.scenes, **shot.late})
        differences = [] if shot.snapshot is known else list(diff(known, shot.snapshot))
        verdicts = self._compare(shot, _written(differences), cell)
        found = [(one, contrast(one, verdicts, self.prints, self.examples)) for one in differences]
        found += self._rewritten(shot, {str(one.path) for one in differences}, verdicts)
        found = self._with_owners(shot, found)
        if not shot.resting or len(self.prints.marks) > 2 * len(shot.snapshot) + EXACT_TENSORS:
            self.prints.forget_all_but({*shot.blocks}.union(*shot.resting))
        self.shot = shot
        overwritten = self._follow_graphs(computed, verdicts, cell, past)
        cut = tuple(path for path, _ in computed) if self.graphs.tells_none else self.graphs.cut
        return Observation(shot=shot, found=tuple(found), verdicts=verdicts, overwritten=overwritten, cut=cut)

    def _seconds(self) -> float:
        """Tell how long looking for more than an ordinary number of tensors may take."""
        spare = self.budget.credit / 2
        least = FIRST_READING if self.lens.has_unread else SHORTEST
        return min(max(spare, least), LONGEST + self.budget.granted / 2)

    def _compare(self, shot: Shot, written: set[int], cell: int) -> dict[int, Verdict]:
        """Compare the bytes with what they were; memory that is gone may be anybody's by now."""
        self.loans.follow(shot.blocks, self.lens.storages)
        gone, marks = self.loans.gone, self.prints.marks
        blocks = {one: block for one, block in shot.blocks.items() if one not in gone} if gone else shot.blocks
        verdicts = self.prints.compare(
            blocks,
            written,
            cell,
            self.budget,
            lambda storage: [reading for _, reading in shot.snapshot.by_storage.get(storage, ())],
            self.lens.storages.references,
        )
        return {**verdicts, **{one: Verdict("unreadable", marks.get(one), None, None) for one in gone}}

    def _follow_graphs(
        self, computed: list[Computed], verdicts: Mapping[int, Verdict], cell: int, past: Past
    ) -> tuple[Overwritten, ...]:
        rewritten = {storage for storage, verdict in verdicts.items() if verdict.outcome == "changed"}
        rewritten.update(past.seen - self.prints.marks.keys())
        start = perf_counter()
        known = replace(past, spells=lambda storage: past.spells(storage) or _before(verdicts.get(storage)))
        aids = Aids(self.lens.storages, KnownBytes(self.prints, known), cell, start + self.budget.credit)
        found = GUARD.run("reading graphs", self.graphs.look, computed, aids, rewritten, default=None)
        if found is None:
            self.graphs = Graphs(is_cut=True)
        self.budget.pay(perf_counter() - start)
        return found or ()

    @staticmethod
    def _with_owners(shot: Shot, found: list[tuple[Difference, Content]]) -> list[tuple[Difference, Content]]:
        """Tell sparse tensors by their components: they are changed where one of these is."""
        owners = {
            AccessPath(one.path.root, one.path.steps[:-1])
            for one, content in found
            if content.changed and one.after is not None and one.after.kind == "component"
        }
        changed = Content(changed=True, verified=True)
        told = [(one, changed if one.path in owners else content) for one, content in found]
        for path in owners - {one.path for one, _ in found}:
            reading = shot.snapshot.get(str(path))
            if reading is not None:
                told.append((Difference(path=path, before=reading, after=reading), changed))
        return told

    def _rewritten(
        self, shot: Shot, known: set[str], verdicts: Mapping[int, Verdict]
    ) -> Iterator[tuple[Difference, Content]]:
        """Find paths whose readings are the same but whose bytes are not."""
        for storage, verdict in verdicts.items():
            for path, reading in shot.snapshot.by_storage.get(storage, ()) if verdict.outcome == "changed" else ():
                if str(path) not in known:
                    same = Difference(path=path, before=reading, after=reading)
                    yield same, contrast(same, verdicts, self.prints, self.examples)


def _before(verdict: Verdict | None) -> list[Spell]:
    """Tell what a storage that was not looked at while the cell ran held when it began."""
    known = verdict is not None and verdict.outcome == "changed" and verdict.before
    return [Spell(0, 0, known)] if known else []


def _written(differences: list[Difference]) -> set[int]:
    return {
        one.after.storage
        for one in differences
        if one.before is not None and one.after is not None and one.before.version != one.after.version
    }
