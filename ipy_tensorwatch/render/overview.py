"""The page of `%tensorwatch`: what shares memory, and what the last cell changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .measure import count_of, spell_seconds
from .page import Line, Page, Row, Table, words
from .phrases import names
from .relations import block, relations
from .summary import change_table

if TYPE_CHECKING:
    from ..core.records import AliasGroup
    from ..core.report import Report

MAX_GROUPS = 20
MAX_CHANGES = 40


def overview(report: Report) -> Page:
    """Show the alias groups, the ones that changed first, and the last cell's changes, the silent ones first."""
    cell, groups = report.cell, report.groups
    counts = f"{count_of(len(report.snapshot), 'tensor')} · {count_of(len(groups), 'group')}"
    head = f"tensorwatch  [{cell.count}]  {counts} · {spell_seconds(cell.overhead)}"
    return Page(head=head, parts=(_changes(report), _groups(report)))


def _changes(report: Report) -> Table | Line:
    ordered = sorted(report.changes, key=lambda one: (not one.silent, one.kind == "bound"))
    if not ordered:
        return words("the last cell changed nothing")
    caption = f"What cell {report.cell.count} changed"
    return change_table(ordered, caption=caption, limit=MAX_CHANGES, hint=": %tensordiff --max-rows 1000")


def _groups(report: Report) -> Table | Line:
    if not report.groups:
        return words("no two variables share memory")
    changed = {change.path for change in report.changes if change.kind in ("mutated", "touched")}
    ordered = sorted(report.groups, key=lambda one: changed.isdisjoint(one.members))
    left = len(ordered) - MAX_GROUPS
    return Table(
        caption="Shared memory",
        head=("block", "tensors", "relations"),
        rows=tuple(Row(cells=_group(one)) for one in ordered[:MAX_GROUPS]),
        more=f"… and {count_of(left, 'group')} more: ipy_tensorwatch.report().groups" if left > 0 else "",
    )


def _group(group: AliasGroup) -> tuple[Line, ...]:
    return block(group), names(group.members), relations(group)
