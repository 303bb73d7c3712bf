"""Small containers with nothing but tensors, numbers and texts in them: the records of datasets and replay buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core.records.snapshots.outline import OutlineRun
from .containers import ATOM_IDS, PLAIN_IDS, fields_of, quick_reader, spell_keys
from .inspect_object import PerClass, are_all, is_a
from .look_limits import SEGMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...core.records.snapshots.outline import Style
    from .walk_state import Branch

    Columns = tuple[Style, Sequence[object], Sequence[object]]

_KNOWN = ATOM_IDS | PLAIN_IDS


def take_record(branch: Branch, node: int, thing: object) -> bool:
    """Collect the tensors of a small record; return whether it is one, so that nothing of it is left to open."""
    read = _reader(type(thing))
    columns = read(thing) if read else None
    if columns is None:
        return False
    style, keys, values = columns
    numbers = [*map(id, map(type, values))]
    if not _KNOWN.issuperset(numbers) or len(keys) != len(numbers):
        return False
    places = [place for place, number in enumerate(numbers) if number in PLAIN_IDS]
    if len(places) < len(numbers):
        keys, values = [keys[place] for place in places], [values[place] for place in places]
    if places:
        branch.outline.runs.append(OutlineRun(node, style, keys if type(keys) is range else tuple(keys)))
        branch.objects += values
        branch.kinds.update([numbers[place] for place in places])
    return True


def _choose(kind: type) -> Callable[[Any], Columns | None] | None:
    if kind is dict:
        return _of_dict
    if kind is list or kind is tuple:
        return _of_items
    if is_a(kind, tuple):
        names = fields_of(kind)
        return (lambda values: ("attribute", names, [*tuple.__iter__(values)])) if names else None
    read = quick_reader(kind)
    return None if read is None else lambda thing: _of_attributes(read(thing))


_reader = PerClass(_choose)
"""How to read objects of a type as one record; None if they may hold more."""


def _of_dict(mapping: dict[object, object]) -> Columns | None:
    if len(mapping) > SEGMENT:
        return None
    keys, values = [*mapping], [*mapping.values()]
    return *spell_keys(keys), values


def _of_items(values: Sequence[object]) -> Columns | None:
    if len(values) > SEGMENT:
        return None
    copied = [*values]
    return "index", range(len(copied)), copied


def _of_attributes(inside: object) -> Columns | None:
    if type(inside) is not dict or len(inside) > SEGMENT:
        return None
    keys = [*inside]
    return ("attribute", keys, [*inside.values()]) if are_all(keys, str) else None
