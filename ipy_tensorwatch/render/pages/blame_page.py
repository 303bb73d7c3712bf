"""The page of `%tensorwatch blame PATH`: every write to a tensor, cell by cell and line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..page import Line, Page, Row, Table, words
from ..wording.changes.fold_changes import fold_by_cell
from ..wording.changes.phrases import amount, counted, how
from ..wording.changes.sites import line_at, text_at
from ..wording.quantities import count_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...core.records.report_parts import Change
    from ..wording.changes.fold_changes import Fold, Past


def show_blame(past: Past, path: str) -> Page:
    """Show every write, oldest first, one row for each line that wrote."""
    writes = [(count, one) for count, one in past if one.kind == "mutated"]
    if not writes:
        return Page(head=f"tensorwatch  blame {path}", parts=(words("no cell was seen to write to it"),))
    rows = tuple(_rows(writes))
    table = Table(
        caption="Writes by cell and line", head=("cell", "where", "statement", "tensor", "what happened", "how much"),
        rows=rows,
    )  # fmt: skip
    return Page(head=f"tensorwatch  blame {path}  {count_of(len(rows), 'write')}", parts=(table,))


def _rows(writes: Past) -> Iterator[Row]:
    for count, one in fold_by_cell(writes):
        for place in _places(one.change):
            yield Row(cells=(words(f"[{count}]"), *place, *_what(one)), silent=one.change.silent)


def _places(change: Change) -> Iterator[tuple[Line, Line]]:
    """Yield line and statement of each site of a change; one blank pair if no site is known."""
    for site in change.sites:
        yield line_at(site), text_at(site)
    if not change.sites:
        yield Line(), Line()


def _what(one: Fold) -> tuple[Line, ...]:
    return counted(one.label, one.count), how(one.change, one.via), amount(one.change, one.elements)
