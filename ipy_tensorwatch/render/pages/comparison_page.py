"""The page of `%tensordiff a b`: two tensors side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.records.comparison import Comparison, Incomparable
from ..page import Line, Page, Row, Table, code, words
from ..wording.not_compared import incomparable
from ..wording.quantities import count_of, spell_number
from ..wording.tensor_facts import spell_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...core.records.report_parts import Elements, Relation

_RELATIONS: dict[Relation, str] = {
    "same-object": "they are one tensor",
    "same-elements": "they share every element: a write to one is a write to the other",
    "overlap": "they share some bytes: a write to one may be a write to the other",
    "disjoint": "they share no byte",
    "unknown": "whether they share bytes is not known",
}


def show_comparison(found: Comparison, limit: int) -> Page:
    """Show how two tensors differ, with at most `limit` example elements."""
    return Page(head=f"tensordiff  {found.a.text}  {found.b.text}", parts=tuple(_parts(found, limit)))


def _parts(found: Comparison, limit: int) -> Iterator[Table | Line]:
    a, b = found.a, found.b
    rows = [
        ("shape", spell_shape(a.shape), spell_shape(b.shape)),
        ("dtype", a.dtype, b.dtype),
        ("device", a.device, b.device),
    ]
    yield Table(
        caption="Form",
        head=("", a.text, b.text),
        rows=tuple(Row(cells=tuple(map(words, row))) for row in rows),
    )
    yield words(_RELATIONS[found.relation])
    if isinstance(found.elements, Incomparable):
        yield words(incomparable(found.elements))
        return
    yield words(_difference(found.elements))
    examples = found.elements.examples[:limit]
    if examples:
        yield Table(
            caption="Elements that differ",
            head=("index", a.text, b.text),
            rows=tuple(
                Row(cells=(code(str(list(one.index))), code(spell_number(one.before)), code(spell_number(one.after))))
                for one in examples
            ),
        )


def _difference(elements: Elements) -> str:
    number = count_of(elements.total, "element")
    if not elements.changed:
        return f"{number} is equal" if elements.total == 1 else f"all {number} are equal"
    size = "" if elements.max_abs is None else f", max |Δ| {spell_number(elements.max_abs)}"
    verb = "differs" if elements.changed == 1 else "differ"
    return f"{elements.changed:,} of {number} {verb}{size}"
