"""The pages of `%tensorwatch freeze`, `thaw` and `frozen`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..page import Line, Page, Row, Table, code, words
from ..wording.changes.phrases import names
from ..wording.not_frozen import not_frozen
from ..wording.quantities import count_of, spell_bytes
from ..wording.tensor_facts import spell_shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...core.records.freezing import FreezeRefusal, FrozenRecord


def show_frozen(frozen: Sequence[FrozenRecord]) -> Page:
    """Show all frozen tensors."""
    if not frozen:
        return Page(head="tensorwatch  frozen", parts=(words("nothing is frozen"),))
    table = Table(
        caption="Frozen",
        head=("tensor", "what", "since", "a write is"),
        rows=tuple(Row(cells=_cells(one)) for one in frozen),
    )
    return Page(head=f"tensorwatch  frozen  {count_of(len(frozen), 'tensor')}", parts=(table,))


def show_freeze(frozen: Sequence[FrozenRecord], refused: Mapping[str, FreezeRefusal]) -> Page:
    """Say what was frozen, what was refused, and for which tensors only PyTorch's operators are stopped."""
    return Page(
        head=f"tensorwatch  freeze  {count_of(len(frozen), 'tensor')}", parts=tuple(_freeze_parts(frozen, refused))
    )


def _freeze_parts(frozen: Sequence[FrozenRecord], refused: Mapping[str, FreezeRefusal]) -> Iterator[Line]:
    yield words("frozen: ") + names([one.path for one in frozen])
    for device in dict.fromkeys(one.device for one in frozen if not one.is_kept):
        half = names([one.path for one in frozen if not one.is_kept and one.device == device])
        which = "that are scattered or cannot be read" if device == "cpu" else f"on {device}"
        yield words(f"bytes {which} are not compared, so only operators of PyTorch are stopped: ") + half
    for why in dict.fromkeys(refused.values()):
        alike = [path for path, one in refused.items() if one == why]
        yield words("not frozen: ") + names(alike) + words(f": {not_frozen(why)}")


def show_thaw(thawed: Sequence[FrozenRecord]) -> Page:
    """Say which tensors may be written again."""
    line = words("thawed: ") + names([one.path for one in thawed]) if thawed else words("nothing was frozen")
    return Page(head=f"tensorwatch  thaw  {count_of(len(thawed), 'tensor')}", parts=(line,))


def _cells(one: FrozenRecord) -> tuple[Line, ...]:
    what = f"{one.dtype.removeprefix('torch.')} · {spell_shape(one.shape)} · {spell_bytes(one.nbytes)}"
    since = "" if one.cell is None else f"cell {one.cell}"
    how = "stopped or undone" if one.is_kept else "stopped if a PyTorch operator makes it"
    return code(one.path), words(what), words(since), words(how)
