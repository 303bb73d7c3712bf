"""The page of `%tensorwatch why PATH`: one tensor's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..page import Line, Page, Row, Table, code, words
from ..wording.changes.origin_sentences import origin_line, origin_text
from ..wording.not_compared import not_compared
from ..wording.quantities import count_of, few, spell_bytes
from ..wording.tensor_facts import spell_shape
from .history_page import history_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...core.records.report_parts import Relation, TensorRecord
    from ...core.records.tensor_memory import Holder, Memory

MAX_HISTORY = 20
MAX_HOLDERS = 20

_RELATIONS: dict[Relation, str] = {
    "same-object": "the same tensor",
    "same-elements": "the same elements",
    "overlap": "overlaps",
    "disjoint": "same storage, no byte in common",
    "unknown": "not known",
}


def explain(memory: Memory) -> Page:
    """Show which other variables hold a tensor's memory, and what wrote to it."""
    return Page(head=f"tensorwatch  why {memory.record.path}", parts=tuple(_parts(memory)))


def _parts(memory: Memory) -> Iterator[Table | Line]:
    yield words(_facts(memory.record))
    if memory.holders:
        yield _holder_table(memory.holders)
    else:
        yield words("no other variable holds its memory")
    if memory.unnamed:
        yield words(_unnamed(memory.unnamed))
    if memory.past:
        yield history_table(memory.past, MAX_HISTORY, str(memory.record.path))
    else:
        yield words("no cell was seen to write to it")


def _unnamed(count: int) -> str:
    held = "holds its storage" if count == 1 else "hold its storage"
    return f"{count_of(count, 'more tensor')} without a name {held}: a view's base, a saved tensor, or one in a closure"


def _facts(record: TensorRecord) -> str:
    facts = [
        record.kind,
        record.dtype.removeprefix("torch."),
        spell_shape(record.shape),
        record.device,
        _size(record) if record.unknown is None else not_compared(record.unknown),
        "" if record.version is None else f"v{record.version}",
        "requires grad" if record.requires_grad else "",
    ]
    return " · ".join(fact for fact in facts if fact)


def _size(record: TensorRecord) -> str:
    low, high = record.span
    return spell_bytes(high - low) + (f" from byte {low:,} of its storage" if low else "")


def _holder_table(holders: Sequence[Holder]) -> Table:
    shown, left = few(holders, MAX_HOLDERS)
    return Table(
        caption="Who else holds its memory",
        head=("holder", "relation", "shape", "since", "statement"),
        rows=tuple(Row(cells=_holder(one)) for one in shown),
        more=f"… and {left:,} more" if left else "",
    )


def _holder(one: Holder) -> tuple[Line, ...]:
    whose = "" if one.is_variable else " (kept by IPython)"
    since = origin_line(one.origin), origin_text(one.origin)
    return code(one.path) + words(whose), words(_RELATIONS[one.relation]), words(spell_shape(one.shape)), *since
