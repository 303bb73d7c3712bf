"""The operators that `%%tensordiff` recorded, in order, and the changes that none of them made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....core.model.records import NOT_KEPT
from ...page import Line, Row, Table, code, words
from ..measure import count_of
from .phrases import names
from .sites import inner_line, statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ....core.model.records import Change, OperatorWrite


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
