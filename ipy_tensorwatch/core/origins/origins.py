"""Where two paths became one memory: the statement since which they share bytes without a break."""

from __future__ import annotations

from dataclasses import replace
from heapq import merge
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from ..memory.overlap import share_bytes
from ..records.snapshots.snapshot import Snapshot
from ..runtime.record import field, mutable, record
from ..statements.statement import parse_statements
from .moments import AT_END, Moment, lie_apart
from .path_histories import BETWEEN, DatedMoment, PathHistories
from .which_statement import Beginning, which_statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..records.reading import Reading
    from ..records.report_parts import AliasGroup, Change, Origin


@record
class Origins:
    """Answers from what was known when one cell had ended.

    Attributes
    ----------
    after
        What the paths led to then.
    number
        The number of that cell in the session's record.
    """

    known: PathHistories = field(default_factory=PathHistories)
    after: Snapshot = field(default_factory=Snapshot)
    number: int = 0

    @classmethod
    def now(cls, known: PathHistories, after: Snapshot) -> Origins:
        """Return the answers from what is known now."""
        return cls(known=known, after=after, number=known.number)

    def of_pair(self, a: str, b: str) -> Origin | None:
        """Return where two paths became one memory, even if one is gone since; None if it is not known."""
        a, b = map(self.after.ways.resolve, (a, b))
        if a == b:
            return None
        steps = {a: self.steps_of(a), b: self.steps_of(b)}
        began = _beginning_of(a, b, merge(*steps.values(), key=attrgetter("order")))
        began = _without_late_gradient(began, steps) if began else None
        return which_statement(a, b, began, self.known.library(began.moments[0].number)) if began else None

    def steps_of(self, path: str) -> Sequence[DatedMoment]:
        """Return the moments of a path; what none of them accounts for was so before, or came between cells."""
        known, reading = tuple(self.known.of(path, self.number)), self.after.get(path)
        if not known:
            return (self.known.untold(path, reading, self.number, AT_END),) if reading else ()
        if not lie_apart(known[-1].reading, reading):
            return known
        return (*known, DatedMoment(self.number, BETWEEN, Moment(path, known[-1].reading, reading, AT_END)))

    def of_group(self, group: AliasGroup) -> tuple[Origin, ...]:
        """Return where the pairs of a group became one memory, as far as that is known."""
        found = (self.of_pair(one.a, one.b) for one in group.pairs)
        return tuple(one for one in found if one is not None)

    def explain(self, change: Change) -> Change:
        """Return a change with the place since which its memory is shared with what it was written through."""
        if change.kind != "mutated" or not (change.via or change.silent):
            return change
        through = change.via[:1] or _targets(change)
        found = (self.of_pair(change.path, one) for one in through if one != change.path)
        return replace(change, shared_since=next((one for one in found if one is not None), None))


def _without_late_gradient(began: Beginning, steps: Mapping[str, Sequence[DatedMoment]]) -> Beginning:
    """Return what bound the other path in the same cell, if only the end of it has shown what a `.grad` leads to.

    No look follows gradients; one that a statement assigns is another's.
    """
    first = began.moments[0]
    is_late = all(one.moment.look == AT_END and one.moment.path.endswith(".grad") for one in began.moments)
    if not is_late or any(one.assigns_gradient for one in parse_statements(first.cell.plain)):
        return began
    others = [several for path, several in steps.items() if path not in {one.moment.path for one in began.moments}]
    bound = [one for several in others for one in several if one.number == first.number and one.reading is not None]
    return began._replace(moments=(bound[-1],)) if bound else began


def _targets(change: Change) -> Iterator[str]:
    """Yield what the statements that wrote name as written: what is gone by now is not told in `via`."""
    for site in change.sites:
        yield from (str(target.path) for one in parse_statements(site.text) for target in one.targets)


def _beginning_of(a: str, b: str, moments: Iterable[DatedMoment]) -> Beginning | None:
    """Return what began the last time in which two paths shared bytes, or in which they now lie in one storage."""
    shared, in_one = _Spell(), _Spell()
    now: dict[str, Reading | None] = {a: None, b: None}
    for _, several in groupby(moments, key=attrgetter("order")):
        together, was = tuple(several), (now[a], now[b])
        now.update((one.moment.path, one.reading) for one in together)
        if _may_have_parted(together, was, (now[a], now[b])):
            shared.is_on = in_one.is_on = False
        shared.go_on(together, now[a], now[b], is_on=_share_bytes(now[a], now[b]))
        in_one.go_on(together, now[a], now[b], is_on=_in_one_storage(now[a], now[b]))
    return in_one.began if in_one.is_on and not shared.is_on else shared.began


@mutable
class _Spell:
    """The last time in which something was so without a break, and what began it."""

    is_on: bool = False
    began: Beginning | None = None

    def go_on(self, together: tuple[DatedMoment, ...], a: Reading | None, b: Reading | None, *, is_on: bool) -> None:
        """Go on to the next moments."""
        if is_on and not self.is_on and a and b:
            self.began = Beginning(together, a, b)
        self.is_on = is_on


def _may_have_parted(
    together: tuple[DatedMoment, ...], was: tuple[Reading | None, ...], now: tuple[Reading | None, ...]
) -> bool:
    """Return whether several statements bound both paths to other tensors in other memory, unseen in between."""
    ran = frozenset[int]().union(*(one.moment.statements for one in together))
    pairs = [*zip(was, now, strict=True)]
    return len(ran) > 1 and all(
        one and other and one.object != other.object and one.storage != other.storage for one, other in pairs
    )


def _share_bytes(a: Reading | None, b: Reading | None) -> bool:
    if a is None or b is None:
        return False
    if a.object == b.object:
        return True
    return not (a.unknown or b.unknown) and share_bytes(a, b) is not False


def _in_one_storage(a: Reading | None, b: Reading | None) -> bool:
    return a is not None and b is not None and a.storage == b.storage != 0
