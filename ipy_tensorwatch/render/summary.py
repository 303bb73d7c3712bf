"""What is said under a cell without being asked: nothing, unless something was silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .fold import fold
from .measure import count_of, few
from .page import Page, Row, Table
from .phrases import amount, counted, counter, how
from .place import line_of, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.records import Change
    from ..core.report import Report
    from .fold import Fold
    from .page import Line

MAX_LINES = 8
COLUMNS = ("tensor", "what happened", "where", "statement", "how much", "version")


def summarize(report: Report) -> Page | None:
    """Tell what was silent; None where nothing was."""
    silent = report.silent
    if not silent:
        return None
    head = f"tensorwatch  [{report.cell.count}]  {count_of(len(silent), 'silent change')}"
    table = change_table(silent, caption="Silent changes", limit=MAX_LINES, bare=True, hint=": %tensorwatch")
    return Page(head=head, parts=(table,))


def change_table(changes: Sequence[Change], *, caption: str, limit: int, bare: bool = False, hint: str = "") -> Table:
    """Lay out changes as a table, those of one container that are alike in one row."""
    folds = fold(changes)
    shown, _ = few(folds, limit)
    left = sum(one.count for one in folds[len(shown) :])
    return Table(
        caption=caption,
        head=COLUMNS,
        rows=tuple(Row(cells=change_cells(one), silent=one.change.silent) for one in shown),
        bare=bare,
        more=f"… and {left:,} more{hint}" if left else "",
    )


def change_cells(one: Fold) -> tuple[Line, ...]:
    """Lay out one line of changes as cells, in the order of `COLUMNS`."""
    change = one.change
    return (
        counted(one.label, one.count),
        how(change, one.via),
        line_of(change),
        text_of(change),
        amount(change, one.elements),
        counter(change),
    )
