"""What one rank tells after a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ..runtime.record import record

if TYPE_CHECKING:
    from ..hazards.hazard import Hazard
    from ..records.report_parts import Cell, Change
    from .waiting_rank import WaitingRank

Absence = Literal["not-loaded", "other-version", "died", "unreadable", "no-answer"]
"""Why a rank tells nothing."""


@record
class RankReport:
    """What one rank tells after a cell: small, so that a quiet cell costs no more with a large model.

    Attributes
    ----------
    rank, world
        The place in the group of `torch.distributed` and its size; without a group, the engine's number and 0.
    engine
        The engine's number.
    number
        The place of the cell among those of this rank.
    digest
        The digest of its state; empty if some of it was not compared.
    changes, hazards
        The silent changes, and the hazards that began and are worth saying.
    """

    rank: int
    engine: int
    world: int = 0
    cell: Cell
    number: int = 0
    digest: bytes = b""
    changes: tuple[Change, ...] = ()
    hazards: tuple[Hazard, ...] = ()


@record
class MissingRank:
    """A rank that tells nothing.

    Attributes
    ----------
    detail
        What was raised, or its version.
    place
        Where it was last, if it is known.
    """

    rank: int
    why: Absence
    detail: str = ""
    place: WaitingRank | None = None
