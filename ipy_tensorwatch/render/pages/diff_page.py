"""The page of `%tensordiff`: each tensor before and after the cell, and the operators that wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.records.report_parts import NOT_KEPT, Change, OperatorWrite, TensorRecord
from ...core.runtime.grouped import grouped
from ...core.runtime.record import record
from ..page import Line, Page, PagePart, Row, Table, code, words
from ..wording.changes.fold_changes import Fold, fold, gather
from ..wording.changes.phrases import amount, counted, counter, how, names, values
from ..wording.changes.sites import inner_line, line_of, site_text, statement
from ..wording.hazards.hazard_sentences import hazard_lines
from ..wording.quantities import count_of
from ..wording.tensor_facts import spell_shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..report import Report

_ORDER = ("mutated", "touched", "metadata", "rebound", "bound", "unbound")


@record
class DiffView:
    """Which parts of a report to show.

    Attributes
    ----------
    recorded
        Whether operators were recorded; a change without one then bypassed PyTorch.
    """

    recorded: bool
    unchanged: bool = False
    max_rows: int = 40
    values: int = 3


def show_diff(report: Report, view: DiffView) -> Page:
    """Show every change of a cell, then the operators that wrote, in order."""
    return Page(head=f"tensordiff  [{report.cell.count}]  {_counts(report)}", parts=tuple(_parts(report, view)))


def _counts(report: Report) -> str:
    kinds = [change.kind for change in report.changes]
    changed = kinds.count("mutated")
    counts = [f"{changed:,} changed" + (f", {len(report.silent):,} silently" if report.silent else "")]
    counts += [f"{kinds.count(kind):,} {text}" for kind, text in _WORDS.items() if kind in kinds]
    return " · ".join([*counts, f"{len(_unchanged(report)):,} unchanged"])


_WORDS = {
    "touched": "touched",
    "metadata": "with changed metadata",
    "rebound": "rebound",
    "bound": "new",
    "unbound": "gone",
}


def _parts(report: Report, view: DiffView) -> Iterator[PagePart]:
    if report.cell.status != "ok":
        yield words("the cell was interrupted" if report.cell.status == "interrupted" else "the cell raised an error")
    if report.changes:
        yield _change_table(report, view)
    yield from hazard_lines(report.hazards, view.max_rows)
    if view.recorded:
        yield from operators(report.writes, report.changes, view.max_rows)
    if view.unchanged and _unchanged(report):
        yield _unchanged_table(_unchanged(report), view)
    if report.skipped:
        yield words("bytes not compared, as no time was left: ") + names(report.skipped)


def _change_table(report: Report, view: DiffView) -> Table:
    ordered = sorted(report.changes, key=lambda one: (not one.silent, _ORDER.index(one.kind)))
    folds = fold(ordered)
    records = {str(one.path): one for one in report.tensors}
    return Table(
        caption="Before and after",
        head=("tensor", "what happened", "where", "statement", "how much", "version", "values"),
        rows=tuple(Row(cells=_cells(one, records, view), silent=one.change.silent) for one in folds[: view.max_rows]),
        more=left_out(len(folds), view.max_rows),
    )


def _cells(one: Fold, records: dict[str, TensorRecord], view: DiffView) -> tuple[Line, ...]:
    change, several = one.change, one.count > 1
    return (
        counted(one.label, one.count),
        how(change, one.via),
        line_of(change),
        site_text(change),
        amount(change, one.elements) if change.kind == "mutated" else _form(change, several, records),
        counter(change),
        Line() if several else values(change.elements, view.values),
    )


def _form(change: Change, several: bool, records: dict[str, TensorRecord]) -> Line:  # noqa: FBT001
    record = None if several else records.get(change.path)
    return words(_describe(record)) if record and change.kind in ("bound", "rebound", "metadata") else Line()


def _describe(record: TensorRecord) -> str:
    return f"{spell_shape(record.shape)} {record.dtype.removeprefix('torch.')}"


def _unchanged(report: Report) -> list[TensorRecord]:
    return [one for one in report.tensors if str(one.path) not in report.by_path]


def _unchanged_table(records: Sequence[TensorRecord], view: DiffView) -> Table:
    forms = grouped(records, _describe).items()
    paths = [(form, gather(str(one.path) for one in alike)) for form, alike in forms]
    rows = [(counted(label, len(alike)), form) for form, gathered in paths for label, alike in gathered]
    return Table(
        caption="Unchanged",
        head=("tensor", "form"),
        rows=tuple(Row(cells=(name, words(form))) for name, form in rows[: view.max_rows]),
        more=left_out(len(rows), view.max_rows),
    )


def operators(writes: Sequence[OperatorWrite], changes: Iterable[Change], max_rows: int) -> Iterator[Table | Line]:
    """Show the operators that wrote, in order, then the changed tensors that none of them wrote."""
    if writes:
        yield Table(
            caption="Operators that wrote, in order",
            head=("operator", "tensors", "times", "where", "statement"),
            rows=tuple(Row(cells=_operator(one)) for one in writes[:max_rows]),
            more=left_out(len(writes), max_rows),
        )
    seen = {path for one in writes for path in one.paths}
    past = [one.path for one in changes if one.kind == "mutated" and one.path not in seen]
    if past:
        yield (
            words("no operator was seen to write ")
            + names(past)
            + words("; writes by NumPy, raw pointers and compiled code are not recorded")
        )


def _operator(one: OperatorWrite) -> tuple[Line, ...]:
    site = one.site
    where = words(f"line {site.line}") if site else Line()
    text = statement(site.text) if site else Line()
    if site and site.inner:
        text += words(" → ") + inner_line(site.inner)
    whose = names(one.paths) if one.paths else words("" if one.op == NOT_KEPT else "a temporary")
    return code(one.op), whose, words(f"{one.times:,}×" if one.times > 1 else ""), where, text


def left_out(count: int, max_rows: int) -> str:
    """Return how many rows a table of `%tensordiff` left out, and the option that shows them."""
    left = count - max_rows
    return f"… and {count_of(left, 'more row')}: --max-rows {count}" if left > 0 else ""
