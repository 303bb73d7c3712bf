"""The page of `%tensorwatch`: what shares memory, and what the last cell changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..page import Line, Page, Row, Table, words
from ..paint.memory_picture import picture
from ..wording.changes.fold_changes import most_telling
from ..wording.changes.fold_groups import GroupFold, block, fold_groups, members
from ..wording.changes.origin_sentences import origins_told
from ..wording.changes.relations import relations
from ..wording.hazards.explained_changes import fold_explained
from ..wording.hazards.hazard_sentences import hazard_lines
from ..wording.quantities import count_of, few, spell_seconds
from ..wording.tensor_facts import key
from .summary_page import fold_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..report import Report

MAX_GROUPS = 20
MAX_PICTURES = 8
MAX_CHANGES = 40
MAX_HAZARDS = 20
MAX_ORIGINS = 2


def overview(report: Report) -> Page:
    """Show the last cell's changes, silent ones first, and the alias groups, changed ones first."""
    cell, groups = report.cell, report.groups
    counts = f"{count_of(len(report.snapshot), 'tensor')} · {count_of(len(groups), 'alias group')}"
    head = f"tensorwatch  [{cell.count}]  {counts} · took {spell_seconds(cell.overhead)}"
    return Page(head=head, parts=(*hazard_lines(report.hazards, MAX_HAZARDS), _changes(report), _groups(report)))


def _changes(report: Report) -> Table | Line:
    ordered = most_telling(report.changes)
    if not ordered:
        return words("the last cell changed nothing")
    caption = f"What cell {report.cell.count} changed"
    folds = fold_explained(ordered, report.hazards)
    return fold_table(folds, caption=caption, limit=MAX_CHANGES, hint=": %tensordiff --max-rows 1000")


def _groups(report: Report) -> Table | Line:
    if not report.groups:
        return words("no two variables share memory")
    changed = {change.path for change in report.changes if change.kind in ("mutated", "touched")}
    folds = fold_groups(sorted(report.groups, key=lambda one: changed.isdisjoint(one.members)))
    shown, _ = few(folds, MAX_GROUPS)
    left = sum(one.count for one in folds[len(shown) :])
    rows = tuple(_rows(shown, report))
    return Table(
        caption="Shared memory",
        head=("block", "tensors", "relation", "since"),
        rows=rows,
        key=key([strip for row in rows if row.picture for strip in row.picture.strips]),
        more=f"… and {count_of(left, 'more group')}: ipy_tensorwatch.report().groups" if left else "",
    )


def _rows(folds: Sequence[GroupFold], report: Report) -> Iterator[Row]:
    """Lay out alias groups; the first ones get a picture, folded ones do not."""
    readings = {str(path): reading for path, reading in report.snapshot.entries()}
    for place, one in enumerate(folds):
        is_drawn = place < MAX_PICTURES and one.count == 1
        drawn = picture([(path, readings[path]) for path in one.group.members], report) if is_drawn else None
        since = origins_told(report.origins.of_group(one.first), MAX_ORIGINS)
        yield Row(cells=(block(one), members(one), relations(one.group), since), picture=drawn)
