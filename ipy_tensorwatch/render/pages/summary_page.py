"""The summary printed under a cell: only if there are silent changes or new hazards."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from ...core.memory.alias_groups import blocks
from ..page import Line, Page, PagePart, Picture, Row, Table, join_words, words
from ..paint.memory_picture import picture, says_more
from ..wording.changes.origin_sentences import since_sentences
from ..wording.changes.phrases import amount, counted, counter, how, names
from ..wording.changes.sites import line_of, site_text, statement
from ..wording.hazards.explained_changes import explains_any, fold_explained, unexplained
from ..wording.hazards.hazard_sentences import hazard_lines
from ..wording.quantities import counts_found, few

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...core.hazards.hazard import Hazard
    from ...core.records.report_parts import Change
    from ..report import Report
    from ..wording.changes.fold_changes import Fold

MAX_LINES = 8
MAX_PICTURES = 2
MAX_HAZARDS = 4
MAX_ORIGINS = 3
MAX_CODE = 60
MAX_MENDED = 20
"""With more silent changes no fix is looked for before somebody asks: each takes about a millisecond."""
MAX_SORTED = 5000
"""With more tensors no picture is drawn: sorting them into blocks would take too long."""

COLUMNS = ("tensor", "what happened", "where", "statement", "how much", "version")


def summarize(report: Report, hazards: Sequence[Hazard] = ()) -> Page | None:
    """Show the silent changes and the new hazards, those that explain changes first; None if there are neither."""
    silent = report.silent
    if not silent and not hazards:
        return None
    by_path = {one.path: one for one in silent}
    telling = sorted(hazards, key=lambda one: not explains_any(one, by_path))
    first = sum(explains_any(one, by_path) for one in hazards)
    entries = [*hazard_lines(telling, MAX_HAZARDS)]
    folds = fold_explained(silent, report.hazards)
    table = fold_table(folds, caption="Silent changes", limit=MAX_LINES, bare=True, hint=": %tensorwatch")
    since = islice(since_sentences(silent), MAX_ORIGINS)
    left = unexplained(silent, hazards)
    changed: list[PagePart] = [table, *since, *_fix_lines(report, left)] if silent else []
    parts: list[PagePart] = [*entries[:first], *changed, *_pictures(report), *entries[first:]]
    counts = " · ".join(counts_found(len(silent), len(hazards)))
    return Page(head=f"tensorwatch  [{report.cell.count}]  {counts}", parts=tuple(parts))


def _fix_lines(report: Report, silent: Sequence[Change]) -> Iterator[Line]:
    """Tell the code of the first fix, and how many others there are; the remedies of hazards tell theirs."""
    known = report.fixes if len(silent) > 0 and len(report.silent) <= MAX_MENDED else {}
    fixes = [*dict.fromkeys(known[one] for one in silent if one in known)]
    if fixes:
        more = f" and {len(fixes) - 1} more" if fixes[1:] else ""
        yield words("fix: ") + statement(fixes[0].code, MAX_CODE) + words(f"{more}  (%tensorwatch fix)")


def summarize_in_one_line(report: Report, hazards: Sequence[Hazard] = (), *, in_panel: bool = False) -> Page | None:
    """Name the silent changes and the new hazards in one line, which leads to the rest; None if there are neither."""
    if not report.silent and not hazards:
        return None
    shown = [names([change.path for change in report.silent])] if report.silent else []
    shown += [words(", ".join(dict.fromkeys(one.code for one in hazards)))] if hazards else []
    counts = " · ".join(counts_found(len(report.silent), len(hazards)))
    told = f"{counts}: {join_words(shown, ' · ')}"
    rest = "" if in_panel else "  (more: %tensorwatch)"
    return Page(head=f"tensorwatch  [{report.cell.count}]  {told}{rest}", in_panel=in_panel)


def told_late(page: Page, count: int) -> Page:
    """Add why a page stands under a later cell than its own."""
    why = f"shown late: cell [{count}] ended with clear_output(wait=True), so a line under it would clear its output"
    return Page(head=page.head, parts=(*page.parts, words(why)))


def _pictures(report: Report) -> Iterator[Picture]:
    """Draw the blocks of silent changes in which some variable covers only a part."""
    if len(report.snapshot) > MAX_SORTED:
        return
    owners = {str(path): one for one in blocks(report.snapshot.entries()) if len(one) > 1 for path, _ in one}
    shared = {id(owners[change.path]): owners[change.path] for change in report.silent if change.path in owners}
    drawn = (picture(one, report) for one in shared.values())
    yield from islice((one for one in drawn if one is not None and says_more(one)), MAX_PICTURES)


def fold_table(folds: Sequence[Fold], *, caption: str, limit: int, hint: str, bare: bool = False) -> Table:
    """Lay out folded changes as a table."""
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
    """Lay out one fold as cells, in the order of `COLUMNS`."""
    change = one.change
    return (
        counted(one.label, one.count),
        how(change, one.via),
        line_of(change),
        site_text(change),
        amount(change, one.elements),
        counter(change),
    )
