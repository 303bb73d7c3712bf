"""Where the cells of the ranks are in the notebook that drives them."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any

from ...core.runtime.record import field, mutable, record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...core.ranks.rank_report import RankReport

MAX_CELLS = 256
"""How many of the last cells are known."""
_IS_BODY = re.compile(r"\s*%%\w*px\b")
_RUNS = re.compile(r"%\w*px\b|\.(?:execute|run|apply\w*|map\w*|imap)\s*\(")


@record
class NotebookPlace:
    """The cell of the notebook that ran something on the ranks.

    Attributes
    ----------
    cell
        The front end's own id of it; None if it tells none.
    offset
        How many lines of it stand before the first one that the ranks ran.
    line
        The line that ran something on the ranks, where that is not its own body; 0 where it is.
    """

    cell: str | None
    offset: int = 0
    line: int = 0


@mutable(eq=False)
class NotebookPlaces:
    """The places of the last cells: for each, the counts that it had on the ranks."""

    _cells: deque[tuple[NotebookPlace, dict[int, frozenset[int] | None]]] = field(
        default_factory=lambda: deque(maxlen=MAX_CELLS)
    )

    def add(self, place: NotebookPlace, reports: Iterable[RankReport]) -> None:
        """Note what the ranks told of one cell of the notebook."""
        ranks: dict[int, set[int]] = {}
        for one in reports:
            ranks.setdefault(one.cell.count, set()).add(one.rank)
        is_one = len(ranks) == 1
        self._cells.append((place, {count: None if is_one else frozenset(those) for count, those in ranks.items()}))

    def of_rank(self, rank: int) -> dict[str, dict[str, Any]]:
        """Return the places of a rank's cells, by their count on that rank."""
        return {
            str(count): {"cell": place.cell, "offset": place.offset, "line": place.line}
            for place, counts in self._cells
            for count, ranks in counts.items()
            if ranks is None or rank in ranks
        }


def place_in_notebook(cell: str | None, source: str) -> NotebookPlace:
    r"""Return the place of what a cell of the notebook runs on the ranks.

    Examples
    --------
    >>> place_in_notebook("a", "%%px\ny.add_(1)")
    NotebookPlace(cell='a', offset=1, line=0)
    >>> place_in_notebook("a", "n = 3\nview.apply_sync(grow, n)")
    NotebookPlace(cell='a', offset=0, line=2)
    """
    lines = source.split("\n")
    if _IS_BODY.match(source):
        return NotebookPlace(cell=cell, offset=_first(lines, re.compile(r"\s*%%")))
    return NotebookPlace(cell=cell, line=_first(lines, _RUNS))


def _first(lines: Sequence[str], pattern: re.Pattern[str]) -> int:
    """Return the number of the first line in which a pattern is found; 1 if it is in none."""
    return next((number for number, line in enumerate(lines, 1) if pattern.search(line)), 1)
