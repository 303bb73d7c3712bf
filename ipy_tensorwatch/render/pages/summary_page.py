"""What is said under a cell without being asked: nothing, unless something was silent or will go wrong."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from ...core.memory.alias_groups import blocks
from ..page import Page, Row, Table
from ..paint.memory_picture import picture, says_more
from ..wording.fold_changes import fold
from ..wording.hazard_sentences import hazard_lines
from ..wording.measure import count_of, few
from ..wording.phrases import amount, counted, counter, how
from ..wording.sites import line_of, site_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...core.hazards.hazard import Hazard
    from ...core.model.records import Change
    from ..page import Line, PagePart, Picture
    from ..report import Report
    from ..wording.fold_changes import Fold

MAX_LINES = 8
MAX_PICTURES = 2
MAX_HAZARDS = 4
MAX_SORTED = 5000
"""With more tensors, no picture is worth the time that it takes to find who lies in a block."""

COLUMNS = ("tensor", "what happened", "where", "statement", "how much", "version")


def summarize(report: Report, hazards: Sequence[Hazard] = ()) -> Page | None:
    """Tell what was silent, and the hazards that are new; None where there is nothing to tell."""
    silent = report.silent
    if not silent and not hazards:
        return None
    counts = [count_of(len(silent), "silent change")] if silent else []
    counts += [count_of(len(hazards), "hazard")] if hazards else []
    head = f"tensorwatch  [{report.cell.count}]  {' · '.join(counts)}"
    table = change_table(silent, caption="Silent changes", limit=MAX_LINES, bare=True, hint=": %tensorwatch")
    parts: list[PagePart] = [table] if silent else []
    return Page(head=head, parts=(*parts, *_pictures(report), *hazard_lines(hazards, MAX_HAZARDS)))


def _pictures(report: Report) -> Iterator[Picture]:
    """Draw the blocks of silent changes in which somebody has a part only: the lines do not tell which."""
    if len(report.snapshot) > MAX_SORTED:
        return
    owners = {str(path): one for one in blocks(report.snapshot.entries()) if len(one) > 1 for path, _ in one}
    shared = {id(owners[change.path]): owners[change.path] for change in report.silent if change.path in owners}
    drawn = (picture(one, report) for one in shared.values())
    yield from islice((one for one in drawn if one is not None and says_more(one)), MAX_PICTURES)


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
        site_text(change),
        amount(change, one.elements),
        counter(change),
    )
