"""The ranks of a cluster for the panel, in rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.ranks.alike_ranks import rows_of
from ..render.wording.rank_sentences import row_label, row_line
from .change_lines import line_as_json

if TYPE_CHECKING:
    from ..core.ranks.join_reports import JoinedRanks

MAX_ROWS = 64


def tell_ranks(joined: JoinedRanks) -> list[dict[str, Any]]:
    """Return the rows of the ranks as JSON; `rank` is the one that a click shows, null if it tells nothing."""
    return [
        {
            "label": row_label(row, len(joined.ranks)),
            "rank": None if row.missing else row.ranks[0],
            "what": line_as_json(row_line(row)),
            "quiet": row.is_quiet,
        }
        for row in rows_of(joined)[:MAX_ROWS]
    ]
