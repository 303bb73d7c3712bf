"""The verdict on a changed path: its cause, and which causes make a change silent; `cause.py` finds the cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..runtime.record import record

if TYPE_CHECKING:
    from ..records.report_parts import Cause, Site

SILENT: frozenset[Cause] = frozenset(("call", "alias", "outside"))


@record
class Verdict:
    """Why a path changed."""

    cause: Cause
    sites: tuple[Site, ...]
    via: tuple[str, ...]

    @property
    def is_silent(self) -> bool:
        """True if a reader of the cell would not expect the change."""
        return self.cause in SILENT


OUTSIDE = Verdict(cause="outside", sites=(), via=())
NOT_EXPLAINED = Verdict(cause="call", sites=(), via=())
"""The verdict for a change whose explanation failed by our own error."""
