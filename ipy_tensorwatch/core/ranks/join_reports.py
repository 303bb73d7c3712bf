"""Join the reports of the ranks: what is equal on several is one entry, with its ranks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from ..runtime.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from ..hazards.hazard import Hazard
    from ..records.report_parts import Cell, Change
    from .rank_report import MissingRank, RankReport
    from .replica_ledger import Replica
    from .waiting_rank import WaitingRank

T = TypeVar("T")


@record
class OnRanks(Generic[T]):
    """Something that is equal on some ranks."""

    what: T
    ranks: tuple[int, ...]


@record
class JoinedRanks:
    """One cell on all ranks.

    Attributes
    ----------
    ranks
        Those that told something.
    cell
        The cell of the lowest rank; its status is not `ok` if that of any rank is not.
    """

    ranks: tuple[int, ...] = ()
    cell: Cell | None = None
    changes: tuple[OnRanks[Change], ...] = ()
    hazards: tuple[OnRanks[Hazard], ...] = ()
    replicas: tuple[Replica, ...] = ()
    waiting: tuple[WaitingRank, ...] = ()
    missing: tuple[MissingRank, ...] = ()


def join_reports(reports: Iterable[RankReport]) -> JoinedRanks:
    """Return what the ranks told about one cell."""
    several = {one.rank: one for one in sorted(reports, key=lambda one: one.rank)}
    return JoinedRanks(
        ranks=tuple(several),
        cell=_joined_cell([one.cell for one in several.values()]),
        changes=_together({rank: one.changes for rank, one in several.items()}, _key_of_change, _largest),
        hazards=_together({rank: one.hazards for rank, one in several.items()}, _key_of_hazard, lambda one, _: one),
    )


def _joined_cell(cells: list[Cell]) -> Cell | None:
    if not cells:
        return None
    failed = next((one.status for one in cells if one.status != "ok"), cells[0].status)
    longest, dearest = max(one.duration for one in cells), max(one.overhead for one in cells)
    return replace(cells[0], status=failed, duration=longest, overhead=dearest)


def _together(
    several: Mapping[int, tuple[T, ...]], key: Callable[[T], Hashable], merge: Callable[[T, T], T]
) -> tuple[OnRanks[T], ...]:
    """Return each thing once, with the ranks that have it, in the order of the first rank that has it."""
    found: dict[Hashable, T] = {}
    ranks: dict[Hashable, list[int]] = {}
    for rank, things in several.items():
        for thing in things:
            alike = key(thing)
            found[alike] = merge(found[alike], thing) if alike in found else thing
            if rank not in ranks.setdefault(alike, []):
                ranks[alike].append(rank)
    return tuple(OnRanks(what=thing, ranks=tuple(ranks[alike])) for alike, thing in found.items())


def _key_of_change(change: Change) -> Hashable:
    """Return what two changes have in common that are one: amounts and counters may differ between ranks."""
    return change.path, change.kind, change.cause, change.silent, change.via, change.sites, change.fields


def _key_of_hazard(hazard: Hazard) -> Hazard:
    return replace(hazard, node=None)


def _largest(one: Change, other: Change) -> Change:
    """Return the change with the larger difference."""
    return max(one, other, key=lambda change: (change.elements and change.elements.max_abs) or 0.0)
