"""The hazards of the session: those that stand, and when each began and was over."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from ...core.hazards.freed_memory import gone_memory
from ...core.hazards.overlapping_elements import overlaid_writes
from ...core.hazards.saved_tensor_overwritten import tell_hazards
from ...core.hazards.shared_gradients import aliased_grads
from ...core.hazards.state_dict_reference import kept_by_reference
from ...core.hazards.unrecorded_write import unrecorded_writes
from ...core.model.records import Site, Turn
from .overwritten_saves import Records

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from ...capture.autograd.graph import Graphs
    from ...capture.observer import Observation
    from ...core.blame.reasoning import Reasoning
    from ...core.hazards.standing_hazard import Lasting
    from ...core.model.records import Change, Hazard
    from ...core.model.snapshot import Snapshot
    from .running_cell import RunningCell

HISTORY = 1000


@dataclass(slots=True)
class HazardBook:
    """Keeps the hazards from cell to cell.

    Attributes
    ----------
    hazards
        Those after the last cell.
    turned
        Which of them began with it, and which were over.
    turns
        When hazards began and were over, the oldest first.
    """

    hazards: tuple[Hazard, ...] = ()
    turned: tuple[Turn, ...] = ()
    turns: deque[Turn] = field(default_factory=lambda: deque(maxlen=HISTORY))
    records: Records = field(default_factory=Records)
    _lasting: tuple[Lasting, ...] = ()
    _last: object = None

    def follow(
        self, cell: RunningCell, observed: Observation, graphs: Graphs, changes: Sequence[Change], reasoning: Reasoning
    ) -> tuple[Hazard, ...]:
        """Tell the hazards after a cell."""
        self.records.add(cell, graphs.cells)
        key = observed.overwritten, observed.shot.snapshot, observed.gone
        self.turned = ()
        if changes or self._last != key:
            self._last = key
            before, self.hazards = self.hazards, self._tell(cell, observed, graphs, changes, reasoning)
            why = partial(_why_over, graphs=graphs, snapshot=observed.shot.snapshot)
            self.turned = tuple(_turns(cell.count, before, self.hazards, why))
            self.turns.extend(self.turned)
        return self.hazards

    def note_failure(self, turn: Turn, ahead: Collection[Hazard]) -> None:
        """Note what the cell died of, and that of the hazards which it began only those still ahead are news."""
        for _ in self.turned:
            self.turns.pop()
        self.turned = (turn, *(one for one in self.turned if one.why is not None or one.hazard in ahead))
        self.turns.extend(self.turned)

    def _tell(
        self, cell: RunningCell, observed: Observation, graphs: Graphs, changes: Sequence[Change], reasoning: Reasoning
    ) -> tuple[Hazard, ...]:
        found, snapshot = observed.overwritten, observed.shot.snapshot
        breaks = tell_hazards(self.records.breaks(cell, found, snapshot, reasoning) if found else ())
        known = {path for one in breaks for path in one.paths}
        begun = _begun(cell, [one for one in changes if one.path not in known], snapshot, graphs)
        held = (one for one in self._lasting if one.holds_in(snapshot))
        self._lasting = tuple({(one.hazard.code, one.hazard.paths): one for one in (*begun, *held)}.values())
        return (*breaks, *(one.hazard for one in self._lasting), *gone_memory(snapshot, observed.gone))


def _begun(cell: RunningCell, changes: Sequence[Change], snapshot: Snapshot, graphs: Graphs) -> Iterator[Lasting]:
    """Tell what a cell began, or what is so still: who began it is known from then."""
    yield from aliased_grads(snapshot, cell.count, lambda: _backward_of(cell))
    yield from unrecorded_writes(changes, snapshot, cell.count, graphs)
    yield from kept_by_reference(changes, snapshot, cell.count)
    yield from overlaid_writes(changes, snapshot, cell.count)


def _backward_of(cell: RunningCell) -> Site | None:
    """Find the one statement that can have run backward."""
    ran = [one for one in cell.statements() if one.index in cell.ledger.ran and "backward" in one.text]
    if len(ran) != 1:
        return None
    return Site(line=ran[0].line, end_line=ran[0].end_line, text=ran[0].text, certainty="inferred")


def _turns(cell: int, before: Sequence[Hazard], now: Sequence[Hazard], why: Callable[[Hazard], str]) -> Iterator[Turn]:
    """Tell which hazards are over, and which are new."""
    known, left = {one.mark for one in before}, {one.mark for one in now}
    yield from (Turn(cell=cell, hazard=one, why=why(one)) for one in before if one.mark not in left)
    yield from (Turn(cell=cell, hazard=one) for one in now if one.mark not in known)


def _why_over(hazard: Hazard, graphs: Graphs, snapshot: Snapshot) -> str:
    if hazard.node is not None:
        return graphs.fate(hazard.node)
    gone = any(snapshot.get(path) is None for path in hazard.paths)
    return "what it was about is gone" if gone else "its memory is another now"
