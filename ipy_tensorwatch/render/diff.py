"""The page of `%tensordiff`: before and after, tensor by tensor, and the operators that wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.records import NOT_KEPT
from .fold import fold
from .measure import count_of
from .page import Line, Page, Row, Table, code, words
from .phrases import amount, counter, how, inner_line, line_of, names, statement, text_of, values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..core.records import Change, OperatorWrite, TensorRecord
    from ..core.report import Report
    from .fold import Fold

_ORDER = ("mutated", "touched", "metadata", "rebound", "bound", "unbound")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffView:
    """What to show of a report.

    Attributes
    ----------
    recorded
        Whether the operators were recorded, so that a change without one went past PyTorch.
    """

    recorded: bool
    unchanged: bool = False
    max_rows: int = 40
    values: int = 3


def show_diff(report: Report, view: DiffView) -> Page:
    """Show every change of a cell, then the operators in the order in which they wrote."""
    return Page(head=f"tensordiff  [{report.cell.count}]  {_counts(report)}", parts=tuple(_parts(report, view)))


def _counts(report: Report) -> str:
    kinds = [change.kind for change in report.changes]
    changed = kinds.count("mutated")
    counts = [f"{changed:,} changed" + (f", {len(report.silent):,} silently" if report.silent else "")]
    counts += [f"{kinds.count(kind):,} {text}" for kind, text in _WORDS.items() if kind in kinds]
    return " · ".join([*counts, f"{len(_unchanged(report)):,} unchanged"])


_WORDS = {
    "touched": "touched",
    "metadata": "with other metadata",
    "rebound": "rebound",
    "bound": "new",
    "unbound": "gone",
}


def _parts(report: Report, view: DiffView) -> Iterator[Table | Line]:
    if report.cell.status != "ok":
        yield words("the cell was interrupted" if report.cell.status == "interrupted" else "the cell raised an error")
    if report.changes:
        yield _change_table(report, view)
    if view.recorded:
        yield from _operators(report, view)
    if view.unchanged and _unchanged(report):
        yield _unchanged_table(_unchanged(report), view)
    left_out = [one for one in report.coverage.unverified if one.why == "budget"]
    if left_out:
        yield words("bytes not compared, for want of time: ") + names([one.path for one in left_out])


def _change_table(report: Report, view: DiffView) -> Table:
    ordered = sorted(report.changes, key=lambda one: (not one.silent, _ORDER.index(one.kind)))
    folds = fold(ordered)
    records = {str(one.path): one for one in report.tensors}
    return Table(
        caption="Before and after",
        head=("tensor", "what happened", "where", "statement", "how much", "version", "values"),
        rows=tuple(Row(cells=_cells(one, records, view), silent=one.change.silent) for one in folds[: view.max_rows]),
        more=_more(len(folds) - view.max_rows, "--max-rows"),
    )


def _cells(one: Fold, records: dict[str, TensorRecord], view: DiffView) -> tuple[Line, ...]:
    change, several = one.change, one.count > 1
    label = code(one.label) + words(f" ({one.count} tensors)" if several else "")
    return (
        label,
        how(change, one.via),
        line_of(change),
        text_of(change),
        amount(change, one.elements) if change.kind == "mutated" else _form(change, several, records),
        counter(change),
        Line() if several else values(change.elements, view.values),
    )


def _form(change: Change, several: bool, records: dict[str, TensorRecord]) -> Line:  # noqa: FBT001
    record = None if several else records.get(change.path)
    return words(_describe(record)) if record and change.kind in ("bound", "rebound", "metadata") else Line()


def _describe(record: TensorRecord) -> str:
    shape = "×".join(map(str, record.shape)) or "scalar"
    return f"{shape} {record.dtype.removeprefix('torch.')}"


def _operators(report: Report, view: DiffView) -> Iterator[Table | Line]:
    if report.writes:
        shown = report.writes[: view.max_rows]
        yield Table(
            caption="Operators that wrote, in order",
            head=("operator", "tensors", "times", "where", "statement"),
            rows=tuple(Row(cells=_operator(one)) for one in shown),
            more=_more(len(report.writes) - len(shown), "--max-rows"),
        )
    seen = {path for one in report.writes for path in one.paths}
    past = [one.path for one in report.changes if one.kind == "mutated" and one.path not in seen]
    if past:
        yield words("no operator was seen to write ") + names(past) + words(": NumPy, a raw pointer or compiled code")


def _operator(one: OperatorWrite) -> tuple[Line, ...]:
    site = one.site
    where = words(f"line {site.line}") if site else Line()
    text = statement(site.text) if site else Line()
    if site and site.inner:
        text += words(" → ") + inner_line(site.inner)
    whose = names(one.paths) if one.paths else words("" if one.op == NOT_KEPT else "a temporary")
    return code(one.op), whose, words(f"{one.times:,}×" if one.times > 1 else ""), where, text


def _unchanged(report: Report) -> list[TensorRecord]:
    changed = {change.path for change in report.changes}
    return [one for one in report.tensors if str(one.path) not in changed]


def _unchanged_table(records: Sequence[TensorRecord], view: DiffView) -> Table:
    return Table(
        caption="Unchanged",
        head=("tensor", "form"),
        rows=tuple(Row(cells=(code(str(one.path)), words(_describe(one)))) for one in records[: view.max_rows]),
        more=_more(len(records) - view.max_rows, "--max-rows"),
    )


def _more(left: int, option: str) -> str:
    return f"… and {count_of(left, 'row')} more: {option}" if left > 0 else ""
