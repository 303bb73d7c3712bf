"""One cell on all ranks, as plain JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.runtime.record import record
from .report import SCHEMA_VERSION, hazard_dict, plain
from .wording.rank_sentences import why_missing

if TYPE_CHECKING:
    from ..core.ranks.join_reports import JoinedRanks


@record(kw_only=False)
class JoinedReport:
    """What the ranks told of one cell."""

    joined: JoinedRanks

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values.

        Returns
        -------
        dict
            `schema`, `ranks`, `cell`, `changes`, `hazards`, `replicas`, `waiting` and `missing`.
        """
        told = self.joined
        return {
            "schema": SCHEMA_VERSION,
            "ranks": list(told.ranks),
            "cell": plain(told.cell),
            "changes": [{**plain(one.what), "ranks": list(one.ranks)} for one in told.changes],
            "hazards": [{**hazard_dict(one.what), "ranks": list(one.ranks)} for one in told.hazards],
            "replicas": [plain(one) for one in told.replicas],
            "waiting": [plain(one) for one in told.waiting],
            "missing": [{"rank": one.rank, "why": why_missing(one)} for one in told.missing],
        }
